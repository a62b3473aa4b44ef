// Models as the bytes of their files: for whoever keeps them while the program goes back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace belay {

struct CarriedModel {
  std::string file;  // its name: NAME.model
  std::vector<std::byte> bytes;
};

// Every model that has learned. Thread-safe.
std::vector<CarriedModel> carried_models();
// The names of the files of all models.
std::vector<std::string> carried_files();
// What the model of this file has learned is this from now on. Fails with EBADMSG for damaged bytes
// and for those of another model; the model is as it was then.
Status put_back_model(const std::string& file, std::vector<std::byte> bytes);

// How learning goes, of the model that has decided most.
struct LearningFigures {
  double mean_return = 0, last_loss = 0;
  double decision_ns = 0;  // how long a decision took
  uint64_t episodes = 0, decisions = 0;
};
LearningFigures learning_figures();

}  // namespace belay
