#include "server/guest.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace belay {

constexpr int kExitUnavailable = 69;  // build-guest --help

Status build_guest(const GuestOptions& options) {
  std::vector<std::string> words = {options.builder, "--output", options.output};
  auto add = [&](const char* option, const std::string& value) {
    words.insert(words.end(), {option, value});
  };
  if (!options.cache.empty()) add("--cache", options.cache);
  for (const std::string& variable : options.environment) add("--env", variable);
  for (const std::string& file : options.files) add("--file", file);
  words.emplace_back("--");
  words.insert(words.end(), options.program.begin(), options.program.end());

  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  int status = posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (status != 0) return fail(status, "{}: {}", options.builder, errno_text(status));
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  bool unavailable = WIFEXITED(status) && WEXITSTATUS(status) == kExitUnavailable;
  return fail(unavailable ? ENOPKG : EINVAL, "no guest could be built");
}

}  // namespace belay
