#include "cli/preload.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "cli/exit_code.h"

namespace belay::cli {
namespace fs = std::filesystem;

std::string preload_library() {
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) {
    throw Failure(kExitUnavailable,
                  fmt::format("cannot tell where this command is, and libbelay with it: "
                              "/proc/self/exe: {}",
                              error.message()));
  }
  // By its SONAME: a program that is linked with libbelay then does not load it twice.
  const fs::path installed = (folder / BELAY_INSTALLED_LIBRARY).lexically_normal();
  const fs::path built = (folder / BELAY_BUILT_LIBRARY).lexically_normal();
  for (const fs::path& candidate : {built, installed}) {
    if (!fs::exists(candidate, error)) continue;
    std::string path = candidate.string();
    if (path.find_first_of(": ") != std::string::npos) {
      throw Failure(kExitUnavailable, fmt::format("{}: LD_PRELOAD cannot name a path with a space "
                                                  "or a colon; install Belay elsewhere",
                                                  path));
    }
    return path;
  }
  throw Failure(kExitUnavailable, fmt::format("libbelay is neither {} nor {}; install it beside "
                                              "this command",
                                              installed.string(), built.string()));
}

std::string preload_value(const std::string& library) {
  const char* before = getenv("LD_PRELOAD");
  return before != nullptr && before[0] != '\0' ? library + ":" + before : library;
}

}  // namespace belay::cli
