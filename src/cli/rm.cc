// belay rm NAME...
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/instance_lock.h"
#include "cli/notice.h"
#include "cli/store_path.h"

namespace belay::cli {
namespace {

struct RmOptions {
  std::string store;
  std::vector<std::string> names;
  bool force = false;
  bool keep_newest = false;
};

void keep_newest(const Instance& instance) {
  const std::string kept = find_checkpoint(instance, 0).file;
  for (const std::string& file : generation_files(instance.directory)) {
    if (file == kept) continue;
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) {
      throw Failure(exit_code_of_errno(error.value()),
                    fmt::format("{}: {}", file, error.message()));
    }
  }
}

void remove_one(const std::string& store, const std::string& name, const RmOptions& options) {
  const std::string directory = read_instance(store, name).directory;
  std::optional<InstanceLock> lock;
  if (!options.force || !lock_holder(directory)) lock.emplace(directory);
  if (options.keep_newest) {
    keep_newest(read_instance(store, name));  // again: under the lock nothing changes any more
  } else {
    remove_instance(directory);
  }
}

int rm(const RmOptions& options) {
  const std::string store = store_directory(options.store);
  int exit_code = kExitOk;
  for (const std::string& name : options.names) {
    try {
      remove_one(store, name, options);
    } catch (const Failure& failure) {
      if (options.force && failure.exit_code() == kExitNothing) continue;
      notice("{}", failure.what());
      exit_code = failure.exit_code();
    }
  }
  return exit_code;
}

}  // namespace

void add_rm(Parser& parser) {
  auto options = std::make_shared<RmOptions>();
  CLI::App* command = parser.app.add_subcommand("rm", "Remove checkpoints");
  add_store_option(command, &options->store);
  command->add_flag("--force", options->force,
                    "Also while a process runs with them; names that do not exist are no error");
  command->add_flag("--keep-newest", options->keep_newest,
                    "Keep the file that holds the newest whole checkpoint");
  command->add_option("NAME", options->names, "Which ones; see `belay ls`")
      ->type_name("...")
      ->required();
  command->callback([&parser, options] { parser.action = [options] { return rm(*options); }; });
}

}  // namespace belay::cli
