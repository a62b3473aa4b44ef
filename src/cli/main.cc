// The `belay` command: parses, calls one command, turns failures into a sentence and an exit code.
#include <stdlib.h>

#include <cstdio>

#include "base/log.h"
#include "cli/command.h"
#include "cli/exit_code.h"

namespace belay::cli {
namespace {

// What follows the first "--" of a command that runs a program is the program's: the parser is to
// see none of it, not a further "--" either.
std::vector<std::string> split_arguments(int argc, char** argv, Parser* parser) {
  std::vector<std::string> own;
  const std::string name = argc > 1 ? argv[1] : "";
  const bool has_command = name == "run" || name == "train" || name == "play" || name == "vm";
  int i = 1;
  for (; i < argc; i++) {
    if (has_command && std::string(argv[i]) == "--") break;
    own.emplace_back(argv[i]);
  }
  for (i++; i < argc; i++) parser->after_dashes.emplace_back(argv[i]);
  return {own.rbegin(), own.rend()};  // CLI11 wants the last one first
}

int run(int argc, char** argv) {
  Parser parser;
  parser.app.name("belay");
  parser.app.set_version_flag("--version", "belay " BELAY_VERSION);
  parser.app.require_subcommand(1);
  parser.app.get_formatter()->column_width(28);
  for (auto add :
       {add_run, add_restore, add_ls, add_show, add_verify, add_checkpoint, add_rm, add_inspect}) {
    add(parser);
  }
#ifdef BELAY_HAS_LEARN
  for (auto add : {add_train, add_play, add_curves, add_model}) add(parser);
#endif
#ifdef BELAY_HAS_VM
  add_vm(parser);
#endif
#ifdef BELAY_HAS_SERVER
  add_serve(parser);
  add_ctl(parser);
  add_relay(parser);
#endif
  try {
    parser.app.parse(split_arguments(argc, argv, &parser));
  } catch (const CLI::ParseError& error) {
    return parser.app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return parser.action();
}

}  // namespace
}  // namespace belay::cli

int main(int argc, char** argv) {
  if (const char* level = getenv("BELAY_LOG")) {
    belay::log_level = static_cast<belay::LogLevel>(atoi(level));
  }
  try {
    int code = belay::cli::run(argc, argv);
    if (fflush(stdout) == 0) return code;
    fprintf(stderr, "belay: cannot write the output\n");
    return belay::cli::kExitIo;
  } catch (const belay::cli::Failure& failure) {
    fprintf(stderr, "belay: %s\n", failure.what());
    return failure.exit_code();
  } catch (const std::exception& error) {
    fprintf(stderr, "belay: %s\n", error.what());
    return belay::cli::kExitIo;
  }
}
