#include "cli/store_path.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

std::string environment(const char* variable) {
  const char* value = getenv(variable);
  return value != nullptr ? value : "";
}

std::string home() {
  std::string home = environment("HOME");
  if (!home.empty()) return home;
  const passwd* entry = getpwuid(getuid());
  if (entry != nullptr && entry->pw_dir != nullptr && entry->pw_dir[0] != '\0') {
    return entry->pw_dir;
  }
  throw Failure(kExitConfig,
                "no home directory to keep checkpoints in: give --store or set BELAY_STORE");
}

std::string default_store() {
  if (std::string store = environment("BELAY_STORE"); !store.empty()) return store;
  // The XDG base directory specification: a relative path there is to be ignored.
  if (std::string state = environment("XDG_STATE_HOME"); !state.empty() && state[0] == '/') {
    return state + "/belay";
  }
  return home() + "/.local/state/belay";
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
