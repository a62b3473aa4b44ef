// The commands: each adds its options to the parser, and says what to do when it was chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace belay::cli {

struct Parser {
  CLI::App app{"Checkpoints of running programs: after a crash they go on where they were."};
  std::vector<std::string> after_dashes;  // run, train, play: what follows "--" on the line
  std::function<int()> action;            // of the command chosen; returns the exit code
};

void add_run(Parser& parser);
void add_restore(Parser& parser);
void add_ls(Parser& parser);
void add_show(Parser& parser);
void add_verify(Parser& parser);
void add_checkpoint(Parser& parser);
void add_rm(Parser& parser);
void add_inspect(Parser& parser);
// Only where learning was built:
void add_model(Parser& parser);
void add_train(Parser& parser);
void add_play(Parser& parser);
void add_curves(Parser& parser);
// Only where virtual machines, and the server, were:
void add_vm(Parser& parser);
void add_serve(Parser& parser);
void add_ctl(Parser& parser);
void add_relay(Parser& parser);

// Options that several commands have.
void add_store_option(CLI::App* command, std::string* store);
void add_json_option(CLI::App* command, bool* json);

}  // namespace belay::cli
