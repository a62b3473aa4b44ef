// What a model is and has learned, as JSON: for people and for `belay model show`.
#pragma once

#include <string>

#include "learn/model.h"

namespace belay {

std::string describe_model(const ModelSpec& spec, Volume shape, Learned& learned);

}  // namespace belay
