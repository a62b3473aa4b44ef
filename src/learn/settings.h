// What is chosen outside the program: BELAY_AU, BELAY_AU_MODELS, BELAY_AU_SET.
#pragma once

#include "learn/model_spec.h"

namespace belay {

enum class AuMode { kOff, kRecord, kTrain, kDeploy };

struct AuSettings {
  AuMode mode = AuMode::kOff;
  ModelString folder = ".";
  ModelString options;  // "model.option=value ..."
};

// From the environment. What can't be understood is reported on standard error, and is off.
AuSettings read_settings();

const char* name_of(AuMode mode);

// Those options of BELAY_AU_SET that are meant for `spec`.
Status apply_settings(const AuSettings& settings, ModelSpec& spec);

}  // namespace belay
