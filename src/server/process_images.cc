#include "server/process_images.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "belay/checkpoint_restore.h"
#include "server/client_name.h"

namespace belay {
namespace {

constexpr std::string_view kPrefix = "au-";
// From become_image() to the program that is run anew.
constexpr const char* kGoal = "BELAY_AU_GO_TO";
constexpr int kExitFailed = 70;  // EX_SOFTWARE

bool has_been_run_anew;

// The engine wants to be there before the program's threads, and what it restores before anything
// is in exempt memory, which would stay: this comes before learn/autonomize.cc.
__attribute__((constructor(150))) void start_engine() {
  if (getenv("BELAY_AU_SERVER") == nullptr ||
      strcmp(environment("BELAY_AU_DRIVER", ""), "process") != 0)
    return;
  char name[kFrameNameMax];
  default_name(name);
  crattr attributes{.name = environment("BELAY_AU_CLIENT", name),
                    .interval_ms = CR_INTERVAL_MANUAL};
  const char* given = getenv(kGoal);
  const std::string goal(given != nullptr ? given : "");
  has_been_run_anew = given != nullptr;
  unsetenv(kGoal);
  int result = belay_crinit(&attributes);
  if (result == 0 && has_been_run_anew)
    result = goal.empty() ? belay_restore() : belay_restore_named(image_name(goal).c_str());
  if (result != 0) log(LogLevel::kError, "{}", belay_crerror());
  if (result != 0 && !goal.empty()) _exit(kExitFailed);  // not from its beginning
}

Result<std::vector<std::string>> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> arguments;
  for (size_t at = 0; at < text.size(); at += arguments.back().size() + 1)
    arguments.emplace_back(text.c_str() + at);
  if (arguments.empty()) return fail(EIO, "/proc/self/cmdline cannot be read");
  return arguments;
}

}  // namespace

const char* environment(const char* variable, const char* otherwise) {
  const char* value = getenv(variable);
  return value != nullptr && *value != 0 ? value : otherwise;
}

std::string image_name(std::string_view id) { return fmt::format("{}{}", kPrefix, id); }

Result<std::vector<std::string>> image_ids() {
  std::vector<std::string> ids;
  auto add = [](const char* name, void* to) {
    if (std::string_view(name).starts_with(kPrefix))
      static_cast<std::vector<std::string>*>(to)->emplace_back(name + kPrefix.size());
  };
  if (belay_crnamed(add, &ids) < 0) return fail(errno, "{}", belay_crerror());
  return ids;
}

std::string disk_figure() {
  int64_t bytes = belay_crdisk_bytes();
  return bytes < 0 ? "" : fmt::format("disk_bytes={}\n", bytes);
}

std::string store_figure() {
  constexpr size_t kPathBytesMax = 1000;
  char host[HOST_NAME_MAX + 1] = "";
  gethostname(host, sizeof host - 1);
  const char* directory = belay_crdirectory();
  auto ids = image_ids();
  if (directory == nullptr || !ids) return "";
  std::string path(directory);
  std::replace(path.begin(), path.end(), '\n', '?');
  if (path.size() > kPathBytesMax) path.erase(0, path.size() - kPathBytesMax);
  return fmt::format("store={}:{}\nnewest={}\n", host, path, ids->empty() ? "" : ids->back());
}

Status become_image(const std::string& id) {
  if (!id.empty() && belay_crverify(image_name(id).c_str()) != 0)
    return fail(EIO, "{}", belay_crerror());
  BELAY_ASSIGN(std::vector<std::string> words, own_arguments());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv(kGoal, id.c_str(), 1);
  execv("/proc/self/exe", arguments.data());
  const int code = errno;
  unsetenv(kGoal);
  return fail(code, "the program cannot be run anew: {}", errno_text(code));
}

bool wants_to_resume() {
  return !has_been_run_anew && strcmp(environment("BELAY_AU_RESUME", "0"), "1") == 0;
}

}  // namespace belay
