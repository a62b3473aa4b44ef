#include "checkpoint/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/text.h"

namespace belay {
namespace {

constexpr uint64_t kHeapBytesDefault = uint64_t{64} << 30;
constexpr uint32_t kIntervalDefaultMs = 30'000;
constexpr uint32_t kRetentionDefault = 64;

const char* environment(const char* name) {
  const char* value = getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

std::string default_name() {
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0) return "program";
  path[n] = '\0';
  const char* slash = strrchr(path, '/');
  return slash != nullptr ? slash + 1 : path;
}

// A store given by a relative path means the directory of now, not of when a checkpoint is taken.
std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char cwd[4096];
  return getcwd(cwd, sizeof cwd) != nullptr ? std::string(cwd) + "/" + path : path;
}

Status read_number(const char* variable, uint64_t least, uint64_t most, uint64_t* out) {
  const char* text = environment(variable);
  if (text == nullptr) return {};
  char* end = nullptr;
  errno = 0;
  uint64_t value = strtoull(text, &end, 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : *end == 'T' ? 40 : 0;
  if (shift != 0) end++;
  if (end == text || *end != '\0' || errno != 0 || text[0] == '-' ||
      value > (UINT64_MAX >> shift) || (value <<= shift) < least || value > most)
    return fail(EINVAL, "{}={}: must be a number from {} to {}", variable, text, least, most);
  *out = value;
  return {};
}

Status set_paths(const crattr* attributes, Config& config) {
  const char* store = environment("BELAY_STORE");
  if (store == nullptr && attributes != nullptr) store = attributes->store;
  const char* name = environment("BELAY_NAME");
  if (name == nullptr && attributes != nullptr) name = attributes->name;
  std::string directory;
  if (store != nullptr) {
    directory = absolute(store);
  } else {
    BELAY_ASSIGN(directory, default_store_directory());
  }
  std::string instance = name != nullptr ? name : default_name();
  if (instance.empty() || instance.size() >= sizeof config.name || instance == "." ||
      instance == ".." || instance.find('/') != std::string::npos)
    return fail(EINVAL, "the name \"{}\" is no file name: give another by BELAY_NAME", instance);
  if (directory.size() + instance.size() + 32 >= sizeof config.directory)
    return fail(ENAMETOOLONG, "the store's path is too long: {} bytes", directory.size());
  copy_text(config.store, directory);
  copy_text(config.name, instance);
  copy_text(config.directory, directory + "/" + instance);
  return {};
}

Status set_verify(const crattr* attributes, Config& config) {
  if (attributes != nullptr && attributes->verify != CR_VERIFY_DEFAULT)
    config.verify = attributes->verify;
  if (const char* text = environment("BELAY_VERIFY")) {
    if (strcmp(text, "ahead") == 0)
      config.verify = CR_VERIFY_AHEAD;
    else if (strcmp(text, "touch") == 0)
      config.verify = CR_VERIFY_TOUCH;
    else
      return fail(EINVAL, "BELAY_VERIFY={}: must be ahead or touch", text);
  }
  if (config.verify != CR_VERIFY_AHEAD && config.verify != CR_VERIFY_TOUCH)
    return fail(EINVAL, "crattr.verify is {}: must be CR_VERIFY_AHEAD or CR_VERIFY_TOUCH",
                int(config.verify));
  return {};
}

}  // namespace

Result<std::string> default_store_directory() {
  if (const char* store = environment("BELAY_STORE")) return absolute(store);
  // The XDG base directory specification: a relative path there is to be ignored.
  const char* state = environment("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') return std::string(state) + "/belay";
  const char* home = environment("HOME");
  if (home == nullptr)
    if (const passwd* user = getpwuid(getuid())) home = user->pw_dir;
  if (home == nullptr || *home == '\0')
    return fail(ENOENT, "no home directory to keep checkpoints in: name a store by BELAY_STORE");
  return absolute(home) + "/.local/state/belay";
}

Result<Config> make_config(const crattr* attributes) {
  Config config;
  BELAY_TRY(set_paths(attributes, config));
  auto given = [&](auto member, uint64_t otherwise) {
    return attributes != nullptr && attributes->*member != 0 ? uint64_t(attributes->*member)
                                                             : otherwise;
  };
  uint64_t heap = given(&crattr::heap_bytes_max, kHeapBytesDefault);
  uint64_t interval = given(&crattr::interval_ms, kIntervalDefaultMs);
  uint64_t retention = given(&crattr::retention, kRetentionDefault);
  BELAY_TRY(read_number("BELAY_HEAP_MAX", 1 << 20, uint64_t{1} << 46, &heap));
  BELAY_TRY(read_number("BELAY_INTERVAL_MS", 1, UINT32_MAX, &interval));
  BELAY_TRY(read_number("BELAY_RETENTION", 1, 10'000, &retention));
  BELAY_TRY(read_number("BELAY_RESTORE_SEQUENCE", 0, UINT64_MAX, &config.restore_sequence));
  BELAY_TRY(set_verify(attributes, config));
  config.heap_bytes_max = heap;
  config.interval_ms = uint32_t(interval);
  config.retention = uint32_t(retention);
  const char* tracker = environment("BELAY_TRACKER");
  config.compare_pages = tracker != nullptr && strcmp(tracker, "compare") == 0;
  return config;
}

Status make_directory(const Config& config) {
  std::string path = config.directory;
  for (size_t slash = 1; slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (slash == 1) continue;
    mkdir(path.substr(0, slash).c_str(), 0700);
  }
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(errno, "cannot make the store {}: {}; choose another by BELAY_STORE", path,
                errno_text(errno));
  struct stat status;
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return fail(ENOTDIR, "{} is not a directory; choose another store by BELAY_STORE", path);
  if (status.st_uid != geteuid())
    return fail(EACCES,
                "{} belongs to somebody else; a checkpoint is code: choose another store "
                "by BELAY_STORE",
                path);
  return {};
}

namespace {

// Whether `fd` is still the file of that name: who finishes a job removes its folder.
bool still_named(int fd, const std::string& path) {
  struct stat open_file, named;
  return fstat(fd, &open_file) == 0 && stat(path.c_str(), &named) == 0 &&
         open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

Status held_by_another(int fd, const Config& config) {
  char pid[32] = {};
  ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
  if (n > 0 && pid[n - 1] == '\n') pid[n - 1] = '\0';
  return fail(EBUSY, "{} is in use by process {}; give this one another name by BELAY_NAME",
              config.directory, n > 0 ? pid : "?");
}

Status write_pid(int fd, const std::string& path) {
  std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) == 0 && pwrite(fd, pid.data(), pid.size(), 0) == ssize_t(pid.size()))
    return {};
  return fail(errno, "{}: {}", path, errno_text(errno));
}

}  // namespace

Result<int> lock_instance(const Config& config) {
  std::string path = std::string(config.directory) + "/lock";
  // `belay ls` holds the lock for a moment to see whether it is free: ask more than once.
  for (int attempt = 0;; attempt++) {
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT && attempt < 20) {
      BELAY_TRY(make_directory(config));
      continue;
    }
    if (fd < 0)
      return fail(errno, "cannot write into the store {}: {}; choose another by BELAY_STORE",
                  config.directory, errno_text(errno));
    Status status;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (locked && still_named(fd, path)) status = write_pid(fd, path);
    if (locked && still_named(fd, path) && status) return fd;
    if (!locked && attempt >= 20) status = held_by_another(fd, config);
    close(fd);
    BELAY_TRY(status);
    if (!locked) usleep(5'000);
  }
}

}  // namespace belay
