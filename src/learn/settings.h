// What is chosen outside the program: BELAY_AU, BELAY_AU_MODELS and the like.
#pragma once

#include "learn/model_spec.h"

namespace belay {

enum class AuMode { kOff, kRecord, kTrain, kDeploy };
enum class AuBackend { kEigen, kTorch };

struct AuSettings {
  AuMode mode = AuMode::kOff;
  ModelString folder = ".";
  ModelString options;  // "model.option=value ..."
  AuBackend backend = AuBackend::kEigen;
};

// From the environment. What can't be understood is reported on standard error, and is off.
AuSettings read_settings();

const char* name_of(AuMode mode);

// Those options of BELAY_AU_SET that are meant for `spec`.
Status apply_settings(const AuSettings& settings, ModelSpec& spec);

}  // namespace belay
