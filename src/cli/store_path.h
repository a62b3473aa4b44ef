// Where the checkpoints of an instance are: <store>/<name>/.
#pragma once

#include <string>

namespace belay::cli {

// Absolute. `given` (--store), else $BELAY_STORE, else $XDG_STATE_HOME/belay, else
// ~/.local/state/belay.
std::string store_directory(const std::string& given);

// Fails (usage) for a name that would not be one folder inside the store.
void check_name(const std::string& name);

// `given` (--name), else $BELAY_NAME, else the file name of `executable`.
std::string instance_name(const std::string& given, const std::string& executable);

std::string instance_directory(const std::string& store, const std::string& name);

}  // namespace belay::cli
