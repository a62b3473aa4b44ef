// belay show NAME [--at SEQUENCE]
#include <memory>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/json.h"
#include "cli/recorded.h"
#include "cli/store_path.h"
#include "cli/table.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

struct ShowOptions {
  std::string store, name;
  uint64_t at = 0;
  bool json = false;
};

std::string state(const Instance& instance, const CheckpointInfo& info) {
  if (info.problem.empty()) return "whole";
  return (instance.is_incomplete(info) ? "incomplete: " : "DAMAGED: ") + printable(info.problem);
}

// A number that could not be read is no number.
std::string sequence(const CheckpointInfo& info) {
  return info.position.sequence != 0 ? std::to_string(info.position.sequence) : "-";
}

void print_checkpoints(const Instance& instance) {
  Table table({">CHECKPOINT", "TAKEN", "KIND", ">PAGES", ">SIZE", "FILE", "STATE"});
  for (const CheckpointInfo& info : instance.checkpoints) {
    const bool read = info.file_bytes != 0;
    table.add({sequence(info), read ? format_time(info.taken_unix_ns) : "-",
               info.full ? "full" : "increment", read ? std::to_string(info.data_pages) : "-",
               read ? format_bytes(info.file_bytes) : "-",
               fmt::format("generation.{}", info.position.generation), state(instance, info)});
  }
  printf("%s", table.text().c_str());
}

int show(const ShowOptions& options) {
  Instance instance = read_instance(store_directory(options.store), options.name);
  if (instance.checkpoints.empty()) find_checkpoint(instance, options.at);  // says that
  if (!options.json) print_checkpoints(instance);
  Json json = {{"name", instance.name}, {"directory", instance.directory}};
  for (const CheckpointInfo& info : instance.checkpoints) {
    json["checkpoints"].push_back(to_json(info));
    json["checkpoints"].back()["incomplete"] = instance.is_incomplete(info);
  }
  if (options.at == 0 && instance.newest_whole() == nullptr) {
    if (options.json) print(json);
    return kExitData;
  }
  const CheckpointInfo& info = find_checkpoint(instance, options.at);
  if (!info.problem.empty()) {
    if (options.json) print(json);
    throw Failure(kExitData,
                  fmt::format("checkpoint {}: {}", info.position.sequence, info.problem));
  }
  RecordedProgram program(info);
  if (options.json) {
    json["shown"] = info.position.sequence;
    json["program"] = describe_as_json(program);
    print(json);
  } else {
    printf("\n%s", describe(program).c_str());
  }
  return kExitOk;
}

}  // namespace

void add_show(Parser& parser) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "show", "Show the checkpoints of a program, and what one of them consists of");
  add_store_option(command, &options->store);
  command
      ->add_option("--at", options->at,
                   "The checkpoint to describe (default: the newest whole one)")
      ->type_name("SEQUENCE");
  add_json_option(command, &options->json);
  command->add_option("NAME", options->name, "Which one; see `belay ls`")
      ->type_name("")
      ->required();
  command->callback([&parser, options] { parser.action = [options] { return show(*options); }; });
}

}  // namespace belay::cli
