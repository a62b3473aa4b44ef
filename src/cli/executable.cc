#include "cli/executable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <sstream>
#include <vector>

#include "base/os.h"
#include "cli/exit_code.h"

namespace belay::cli {
namespace {

// execve(2): scripts may name scripts, to a depth of four.
constexpr int kScriptDepthMax = 4;
constexpr size_t kFirstLineBytesMax = 256;  // what the kernel looks at

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) error_ = errno;
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int error() const { return error_; }
  bool read(void* data, size_t bytes, uint64_t offset) const {
    return real_os().pread(fd_, data, bytes, offset) == long(bytes);
  }
  std::string start() const {
    std::string text(kFirstLineBytesMax, '\0');
    long n = real_os().pread(fd_, text.data(), text.size(), 0);
    text.resize(n > 0 ? size_t(n) : 0);
    return text;
  }

 private:
  int fd_;
  int error_ = 0;
};

bool is_program(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

void check_privileges(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) return;
  bool gains_user = (info.st_mode & S_ISUID) != 0 && info.st_uid != getuid();
  bool gains_group =
      (info.st_mode & S_ISGID) != 0 && (info.st_mode & S_IXGRP) != 0 && info.st_gid != getgid();
  bool gains_capabilities =
      getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
  if (gains_user || gains_group || gains_capabilities) {
    throw Failure(kExitConfig,
                  fmt::format("{} gains privileges when it starts (set-user-ID, set-group-ID or "
                              "capabilities): the loader lets no library into it",
                              path));
  }
}

void check_elf(const std::string& path, const File& file) {
  Elf64_Ehdr header;
  if (!file.read(&header, sizeof header, 0) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_machine != EM_X86_64) {
    throw Failure(kExitConfig, fmt::format("{} is not a program for x86-64", path));
  }
  for (unsigned i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    if (!file.read(&segment, sizeof segment, header.e_phoff + uint64_t{i} * header.e_phentsize)) {
      break;
    }
    if (segment.p_type == PT_INTERP) return;
  }
  throw Failure(kExitConfig,
                fmt::format("{} is statically linked, so that no library can be loaded into it; "
                            "link it dynamically, or call crinit() in it (libbelay)",
                            path));
}

void check(const std::string& path, int depth) {
  File file(path);
  // A program may be executable and not readable; the loader will tell.
  if (file.error() == EACCES) return check_privileges(path);
  if (file.error() != 0) {
    throw Failure(kExitCannotExecute, fmt::format("{}: {}", path, errno_text(file.error())));
  }
  std::string start = file.start();
  if (start.starts_with(ELFMAG)) {
    check_privileges(path);  // of a script's own the kernel takes no notice
    return check_elf(path, file);
  }
  if (start.starts_with("#!") && depth < kScriptDepthMax) {
    std::istringstream line(start.substr(2, start.find('\n') - 2));
    std::string interpreter;
    line >> interpreter;
    return check(interpreter, depth + 1);
  }
  throw Failure(kExitCannotExecute,
                fmt::format("{} is neither a program nor a script with \"#!\"", path));
}

}  // namespace

std::string find_executable(const std::string& command) {
  if (command.find('/') != std::string::npos) {
    if (is_program(command)) return command;
    if (access(command.c_str(), F_OK) != 0) {
      throw Failure(kExitNotFound, fmt::format("{}: {}", command, errno_text(errno)));
    }
    throw Failure(kExitCannotExecute, fmt::format("{} is not an executable file", command));
  }
  const char* path = getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + command;
    if (is_program(candidate)) return candidate;
  }
  throw Failure(kExitNotFound, fmt::format("{}: no such program in $PATH", command));
}

void check_preloadable(const std::string& path) { check(path, 0); }

}  // namespace belay::cli
