#include "cli/command.h"

namespace belay::cli {

void add_store_option(CLI::App* command, std::string* store) {
  command
      ->add_option("--store", *store,
                   "Directory of all checkpoints (default: $BELAY_STORE, else belay in "
                   "$XDG_STATE_HOME or ~/.local/state)")
      ->type_name("DIR");
}

void add_json_option(CLI::App* command, bool* json) {
  command->add_flag("--json", *json, "Print JSON");
}

}  // namespace belay::cli
