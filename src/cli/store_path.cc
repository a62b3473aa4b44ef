#include "cli/store_path.h"

#include <limits.h>
#include <stdlib.h>

#include <filesystem>

#include "checkpoint/config.h"
#include "cli/exit_code.h"

namespace belay::cli {
namespace {

std::string environment(const char* variable) {
  const char* value = getenv(variable);
  return value != nullptr ? value : "";
}

std::string default_store() {
  auto store = default_store_directory();
  if (!store) throw Failure(kExitConfig, std::string(store.error().text()));
  return *store;
}

}  // namespace

std::string store_directory(const std::string& given) {
  std::filesystem::path path = std::filesystem::absolute(given.empty() ? default_store() : given);
  std::string text = path.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

void check_name(const std::string& name) {
  bool fits = !name.empty() && name.size() <= NAME_MAX && name != "." && name != "..";
  if (!fits || name.find('/') != std::string::npos) {
    throw Failure(kExitUsage, fmt::format("\"{}\" cannot be a name: it has to be one that a folder "
                                          "may have, without a slash",
                                          name));
  }
}

std::string instance_name(const std::string& given, const std::string& executable) {
  std::string name = given;
  if (name.empty()) name = environment("BELAY_NAME");
  if (name.empty()) name = std::filesystem::path(executable).filename().string();
  check_name(name);
  return name;
}

std::string instance_directory(const std::string& store, const std::string& name) {
  return store + "/" + name;
}

}  // namespace belay::cli
