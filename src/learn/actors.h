// One model that several processes train: actors play by its weights and send what they see, a
// learner learns from it. What of that happens in the program; docs/actors.md says how it fits
// together.
#pragma once

#include "learn/model_store.h"

namespace belay {

// pre: the model is built. Gets the first weights.
Status begin_acting(ModelStore& models, Model& model);
// After each decision of an actor: exchanges experience for weights when there is enough of it. An
// actor that can't go on ends its process: nobody would learn from what it does.
void send_when_due(ModelStore& models, Model& model);
// At the end of an actor that has played its games.
Status send_rest(ModelStore& models);

// The learner: takes in what actors send and publishes weights, until the exchange is lost. `pause`
// is called in between.
Status learn_from_actors(ModelStore& models, Model& model, void (*pause)());

}  // namespace belay
