// belay run [OPTIONS] -- PROGRAM [ARGUMENTS...]
#include <unistd.h>

#include <memory>

#include "cli/command.h"
#include "cli/executable.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/instance_lock.h"
#include "cli/preload.h"
#include "cli/recorded.h"
#include "cli/run_options.h"
#include "cli/store_path.h"
#include "cli/supervisor.h"

namespace belay::cli {
namespace {

struct RunCommandOptions : RunOptions {
  std::string name;
  bool fresh = false;
  std::vector<std::string> command;
};

// Going on from a checkpoint of `app 1` when the user typed `app 2` would give the result of the
// former for that of the latter.
void check_same_program(const Job& job) {
  Instance instance = read_instance(job.store, job.name);
  const CheckpointInfo* newest = instance.newest_whole();
  if (newest == nullptr) return;  // the program says what is wrong with those that there are
  std::vector<std::string> recorded = RecordedProgram(*newest).arguments();
  if (same_arguments(recorded, job.arguments)) return;
  throw Failure(kExitConfig, fmt::format("{} holds a checkpoint of another command: {}\n"
                                         "Go on with that one: belay restore {}\n"
                                         "Start this one anew: --fresh; keep both: --name",
                                         job.directory(), quote(recorded), job.name));
}

void prepare_store(const Job& job, bool fresh) {
  const std::string directory = job.directory();
  if (access(directory.c_str(), F_OK) != 0) return;
  if (std::optional<pid_t> holder = lock_holder(directory)) {
    throw Failure(kExitBusy, describe_holder(directory, *holder) +
                                 ": a second one at once needs a name of its own (--name)");
  }
  if (fresh) {
    InstanceLock lock(directory);
    remove_instance(directory);
  } else {
    check_same_program(job);
  }
}

int run(const RunCommandOptions& options, const std::vector<std::string>& after_dashes) {
  Job job;
  job.arguments = options.command;
  job.arguments.insert(job.arguments.end(), after_dashes.begin(), after_dashes.end());
  if (job.arguments.empty()) {
    throw Failure(kExitUsage, "which program? belay run [OPTIONS] -- PROGRAM [ARGUMENTS...]");
  }
  job.environment = options.environment();
  job.executable = find_executable(job.arguments[0]);
  check_preloadable(job.executable);
  job.store = store_directory(options.store);
  job.name = instance_name(options.name, job.executable);
  preload_library();  // before anything is removed: it may be missing
  prepare_store(job, options.fresh);
  return supervise(std::move(job), options.supervisor);
}

}  // namespace

void add_run(Parser& parser) {
  auto options = std::make_shared<RunCommandOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "run", "Run a program with checkpoints, and restart it from the last one when it crashes");
  options->add_to(command);
  command
      ->add_option("--name", options->name,
                   "Name of this run in the store (default: $BELAY_NAME, else the program's)")
      ->type_name("NAME");
  command->add_flag("--fresh", options->fresh, "Remove existing checkpoints and start anew");
  command->add_option("PROGRAM", options->command, "The program and its arguments, after --")
      ->type_name("");
  command->callback([&parser, options] {
    parser.action = [&parser, options] { return run(*options, parser.after_dashes); };
  });
}

}  // namespace belay::cli
