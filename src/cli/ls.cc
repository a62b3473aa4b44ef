// belay ls [--json]
#include <time.h>

#include <memory>

#include "cli/command.h"
#include "cli/instance.h"
#include "cli/json.h"
#include "cli/notice.h"
#include "cli/store_path.h"
#include "cli/table.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

struct LsOptions {
  std::string store;
  bool json = false;
};

size_t count_damaged(const Instance& instance) {
  size_t damaged = 0;
  for (const CheckpointInfo& info : instance.checkpoints) {
    damaged += !info.problem.empty() && !instance.is_incomplete(info);
  }
  return damaged;
}

uint64_t age_ns(const CheckpointInfo& info) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  uint64_t now_ns = uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
  return now_ns > info.taken_unix_ns ? now_ns - info.taken_unix_ns : 0;  // clocks are set back
}

std::string running(const Instance& instance) {
  if (!instance.running) return "-";
  return *instance.running == 0 ? "yes" : std::to_string(*instance.running);
}

std::string state(const Instance& instance) {
  if (!instance.refused.empty()) return "refused: " + printable(instance.refused);
  if (instance.checkpoints.empty()) return "no checkpoint yet";
  size_t damaged = count_damaged(instance);
  if (damaged != 0) return fmt::format("{} damaged", damaged);
  return instance.newest_whole() != nullptr ? "whole" : "no whole checkpoint yet";
}

void print_table(const std::vector<Instance>& instances) {
  Table table({"NAME", ">CHECKPOINT", ">AGE", ">SIZE", ">RUNNING", "STATE"});
  for (const Instance& instance : instances) {
    const CheckpointInfo* newest = instance.newest_whole();
    table.add({printable(instance.name),
               newest != nullptr ? std::to_string(newest->position.sequence) : "-",
               newest != nullptr ? format_age(age_ns(*newest)) : "-",
               format_bytes(instance.file_bytes), running(instance), state(instance)});
  }
  printf("%s", table.text().c_str());
}

Json instance_json(const Instance& instance) {
  const CheckpointInfo* newest = instance.newest_whole();
  Json json;
  json["name"] = instance.name;
  json["directory"] = instance.directory;
  json["newest"] = newest != nullptr ? to_json(*newest) : Json();
  json["checkpoints"] = instance.checkpoints.size();
  json["damaged"] = count_damaged(instance);
  json["file_bytes"] = instance.file_bytes;
  json["running"] = instance.running.has_value();
  json["pid"] = instance.running.value_or(0) != 0 ? Json(*instance.running) : Json();
  json["refused"] = !instance.refused.empty() ? Json(instance.refused) : Json();
  return json;
}

int ls(const LsOptions& options) {
  const std::string store = store_directory(options.store);
  std::vector<Instance> instances = list_instances(store);
  if (options.json) {
    Json all = Json::array();
    for (const Instance& instance : instances) all.push_back(instance_json(instance));
    print(Json{{"store", store}, {"instances", all}});
  } else if (instances.empty()) {
    notice("no checkpoints in {}", store);
  } else {
    print_table(instances);
  }
  return 0;
}

}  // namespace

void add_ls(Parser& parser) {
  auto options = std::make_shared<LsOptions>();
  CLI::App* command = parser.app.add_subcommand("ls", "List what the store holds");
  add_store_option(command, &options->store);
  add_json_option(command, &options->json);
  command->callback([&parser, options] { parser.action = [options] { return ls(*options); }; });
}

}  // namespace belay::cli
