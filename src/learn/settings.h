// What is chosen outside the program: BELAY_AU, BELAY_AU_MODELS and the like.
#pragma once

#include <functional>

#include "learn/model_spec.h"

namespace belay {

// Act and learn share the work of train between processes: learn/exchange.h.
enum class AuMode { kOff, kRecord, kTrain, kDeploy, kAct, kLearn };
enum class AuBackend { kEigen, kTorch };

struct AuSettings {
  AuMode mode = AuMode::kOff;
  ModelString folder = ".";
  ModelString options;  // "model.option=value ..."
  AuBackend backend = AuBackend::kEigen;
  ModelString exchanged;  // the model that they share; empty: the first that decides
  uint64_t actor = 0;     // which of the actors this is: they choose at random differently
};

// From the environment. What can't be understood is reported on standard error, and is off.
AuSettings read_settings();

const char* name_of(AuMode mode);

// Each "model.option=value" of BELAY_AU_SET, until one fails.
using UseSetting = std::function<Status(std::string_view assignment, std::string_view model)>;
Status for_each_setting(const AuSettings& settings, const UseSetting& use);
// Those that are meant for `model`.
Status apply_settings(const AuSettings& settings, std::string_view model, ModelOptions& options);

}  // namespace belay
