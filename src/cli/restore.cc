// belay restore [OPTIONS] NAME
#include <memory>

#include "cli/command.h"
#include "cli/executable.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/instance_lock.h"
#include "cli/recorded.h"
#include "cli/run_options.h"
#include "cli/store_path.h"
#include "cli/supervisor.h"

namespace belay::cli {
namespace {

struct RestoreOptions : RunOptions {
  std::string name;
  uint64_t at = 0;
  bool no_supervise = false;
};

Job recorded_job(const Instance& instance, const CheckpointInfo& info) {
  if (!info.problem.empty()) {
    throw Failure(kExitData, fmt::format("checkpoint {} of \"{}\": {}", info.position.sequence,
                                         instance.name, info.problem));
  }
  RecordedProgram program(info);
  Job job;
  job.executable = program.description().executable();
  job.working_directory = program.description().working_directory();
  job.arguments = program.arguments();
  return job;
}

int restore(const RestoreOptions& options) {
  const std::string store = store_directory(options.store);
  Instance instance = read_instance(store, options.name);
  if (instance.running) {
    throw Failure(kExitBusy, describe_holder(instance.directory, *instance.running));
  }
  Job job = recorded_job(instance, find_checkpoint(instance, options.at));
  job.store = store;
  job.name = instance.name;
  job.at_sequence = options.at;
  job.environment = options.environment();
  find_executable(job.executable);  // for its sentence when the program is gone
  if (options.no_supervise) execute(job);
  return supervise(std::move(job), options.supervisor);
}

}  // namespace

void add_restore(Parser& parser) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "restore", "Let a program go on from a checkpoint, with the command line recorded in it");
  options->add_to(command);
  command
      ->add_option("--at", options->at, "Number of the checkpoint (default: the newest whole one)")
      ->type_name("SEQUENCE");
  command->add_flag("--no-supervise", options->no_supervise,
                    "Become the program instead of watching over it");
  command->add_option("NAME", options->name, "Which one; see `belay ls`")
      ->type_name("")
      ->required();
  command->callback(
      [&parser, options] { parser.action = [options] { return restore(*options); }; });
}

}  // namespace belay::cli
