// belay model show FILE...
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/units.h"
#include "learn/model_file.h"

namespace belay::cli {
namespace {

struct ModelOptions {
  std::vector<std::string> files;
  bool json = false;
};

Json describe_file(const std::string& path) {
  ModelFile file = require(ModelFile::read(real_os(), path));
  Json result = {{"file", path}, {"about", nullptr}, {"sections", Json::array()}};
  for (const ModelSection& section : file.sections()) {
    result["sections"].push_back({{"name", section.name}, {"bytes", section.data.size()}});
    if (section.name != "about") continue;
    auto text = reinterpret_cast<const char*>(section.data.data());
    Json about = Json::parse(text, text + section.data.size(), nullptr, false);
    if (about.is_object()) result["about"] = about;
  }
  return result;
}

void print_model(const Json& model) {
  const Json& about = model["about"];
  printf("%s\n", model["file"].get<std::string>().c_str());
  for (const auto& [name, value] : about.items()) {
    if (value.is_primitive() || name == "input")
      printf("  %-11s %s\n", name.c_str(), value.dump().c_str());
  }
  for (const char* list : {"layers", "outputs"}) {
    if (!about.contains(list)) continue;
    printf("  %s\n", list);
    for (const Json& item : about[list]) printf("    %s\n", item.dump().c_str());
  }
  uint64_t bytes = 0;
  for (const Json& section : model["sections"]) bytes += section["bytes"].get<uint64_t>();
  printf("  %-11s %zu, %s\n", "sections", model["sections"].size(), format_bytes(bytes).c_str());
}

int show_models(const ModelOptions& options) {
  Json all = Json::array();
  for (const std::string& path : options.files) {
    all.push_back(describe_file(path));
    if (!options.json) print_model(all.back());
  }
  if (options.json) print(all);
  return kExitOk;
}

}  // namespace

void add_model(Parser& parser) {
  auto options = std::make_shared<ModelOptions>();
  CLI::App* command = parser.app.add_subcommand("model", "Look at learned models");
  command->require_subcommand(1);
  command->fallthrough();  // --json may stand behind "show"
  add_json_option(command, &options->json);
  CLI::App* show = command->add_subcommand("show", "What a model file holds; verifies it whole");
  show->add_option("FILE", options->files, "Model files")->required();
  show->callback(
      [&parser, options] { parser.action = [options] { return show_models(*options); }; });
}

}  // namespace belay::cli
