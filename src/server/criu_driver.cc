#include "server/criu_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/log.h"
#include "base/os.h"

namespace belay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kSeal = "belay.json";
constexpr const char* kTemporary = ".new";
constexpr int kStreams = 3;
// An ended process keeps its id until its parent takes notice.
constexpr int kReapedLimitMs = 10'000;

using Streams = std::array<Fd, kStreams>;

tl::unexpected<Error> failed(const std::string& path) {
  int code = errno;
  return fail(code, "{}: {}", path, errno_text(code));
}

std::string last_line(const std::string& path, std::string_view with) {
  std::ifstream file(path);
  std::string line, found;
  while (std::getline(file, line))
    // It says so of itself where it may not raise its limit, and goes on.
    if (line.find(with) != std::string::npos && line.find("RLIMIT_NOFILE") == std::string::npos)
      found = line;
  return found;
}

// Its own session: a key typed at the server must not end it half way through a program.
Status run(const std::string& program, const std::vector<std::string>& arguments,
           const std::string& output, const Streams* given) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  for (int i = 0; given != nullptr && i < kStreams; i++)  // to itself: it stays open
    if (int fd = (*given)[size_t(i)].get(); fd >= 0)
      posix_spawn_file_actions_adddup2(&actions, fd, fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t child = -1;
  int code = posix_spawnp(&child, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return fail(code, "{}: {}", program, errno_text(code));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string why = last_line(output, "Error");
  return fail(EIO, "{} {} has failed: {}", program, arguments[0], why.empty() ? "no reason" : why);
}

// What a standard stream of a process is called where CRIU is given another; "": it needs none.
std::string key_of(pid_t process, int number) {
  std::error_code error;
  std::string link = fs::read_symlink(fmt::format("/proc/{}/fd/{}", process, number), error);
  if (link.starts_with("pipe:")) return link;
  if (link.starts_with("/") && !link.starts_with("/dev/")) return link.substr(1);
  return "";
}

Streams streams_of(pid_t process) {
  Streams streams;
  Fd handle(int(syscall(SYS_pidfd_open, process, 0)));
  for (int i = 0; i < kStreams; i++)
    streams[size_t(i)] = Fd(int(syscall(SYS_pidfd_getfd, handle.get(), i, 0)));
  return streams;
}

Result<uint64_t> sum_of(const std::string& path, bool syncs) {
  Fd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.get() < 0) return failed(path);
  std::vector<std::byte> data(1 << 20);
  uint64_t sum = 0;
  for (;;) {
    ssize_t got = read(fd.get(), data.data(), data.size());
    if (got < 0) return failed(path);
    if (got == 0) break;
    const uint64_t piece[2] = {sum, checksum(data.data(), size_t(got))};
    sum = checksum(piece, sizeof piece);
  }
  if (syncs && fsync(fd.get()) != 0) return failed(path);
  return sum;
}

// Durable when it returns, but for the folder's own name.
Status seal(const std::string& folder, pid_t process, pid_t thread) {
  Json json{{"process", process}, {"thread", thread}, {"files", Json::object()}};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    BELAY_ASSIGN(json["files"][name], sum_of(entry.path(), true));
  }
  if (error) return fail(error.value(), "{}: {}", folder, errno_text(error.value()));
  for (int i = 0; i < kStreams; i++) json["streams"].push_back(key_of(process, i));
  const std::string text = json.dump(), path = folder + "/" + kSeal;
  Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) return failed(path);
  ssize_t written = write(fd.get(), text.data(), text.size());
  if (written != ssize_t(text.size()) || fsync(fd.get()) != 0) return failed(path);
  return sync_folder(real_os(), folder.c_str());
}

Result<Json> open_seal(const std::string& folder) {
  std::ifstream file(folder + "/" + kSeal);
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object() || !json.contains("files") || !json.contains("streams"))
    return fail(EBADMSG, "{}: no image, or a damaged one", folder);
  // CRIU adds files of its own when it restores.
  for (const auto& [name, known] : json["files"].items()) {
    auto sum = sum_of(folder + "/" + name, false);
    if (!sum || known != *sum)
      return fail(EBADMSG, "{}: damaged: the checksum of {} differs", folder, name);
  }
  return json;
}

// With its id free again.
Status end(pid_t process) {
  Fd handle(int(syscall(SYS_pidfd_open, process, 0)));
  if (handle.get() < 0) return {};
  kill(process, SIGKILL);
  pollfd ended{handle.get(), POLLIN, 0};
  poll(&ended, 1, kReapedLimitMs);
  for (int ms = 0; ms < kReapedLimitMs; ms++) {
    if (kill(process, 0) != 0) return {};
    poll(nullptr, 0, 1);
  }
  return fail(EBUSY, "the program has been ended, but its parent keeps process id {}", process);
}

}  // namespace

Status check_criu(const std::string& program) {
  char output[] = "/tmp/belay-criu-XXXXXX";
  Fd made(mkstemp(output));
  Status runs = run(program, {"check"}, output, nullptr);
  unlink(output);
  if (runs) return {};
  return fail(ENOTSUP, "CRIU does not run here: {}", runs.error().text());
}

void CriuDriver::attend(pid_t process, pid_t thread) {
  process_ = process;
  thread_ = thread;
}

// Ignored unless it is waited for.
void CriuDriver::wake() { syscall(SYS_tgkill, process_, thread_, SIGURG); }

Status CriuDriver::take(const std::string& id) {
  const std::string folder = image(kTemporary);
  std::error_code error;
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  if (error) return fail(error.value(), "{}: {}", folder, errno_text(error.value()));
  fs::permissions(folder_, fs::perms::owner_all, error);
  Status taken = run(program_,
                     {"dump", "--tree", std::to_string(process_), "--images-dir", folder,
                      "--leave-running", "--shell-job", "--file-locks", "-v1"},
                     folder + "/dump.log", nullptr);
  if (taken) taken = seal(folder, process_, thread_);
  if (taken && rename(folder.c_str(), image(id).c_str()) != 0) taken = failed(image(id));
  if (taken) taken = sync_folder(real_os(), folder_.c_str());
  if (!taken) fs::remove_all(folder, error);
  return taken;
}

Status CriuDriver::restore(const std::string& id) {
  BELAY_ASSIGN(Json sealed, open_seal(image(id)));
  const pid_t process = sealed.value("process", 0);
  if (process != process_ && kill(process, 0) == 0)
    return fail(EBUSY, "snapshot {} is of process {}, and another has this id", id, process);
  Streams streams = streams_of(process_);
  std::vector<std::string> arguments = {"restore",     "--images-dir",       image(id),
                                        "--shell-job", "--restore-detached", "--file-locks",
                                        "-v1"};
  for (size_t i = 0; i < kStreams; i++) {
    std::string key = sealed["streams"].at(i);
    if (key.empty() || streams[i].get() < 0) continue;
    arguments.push_back("--inherit-fd");
    arguments.push_back(fmt::format("fd[{}]:{}", streams[i].get(), key));
  }
  BELAY_TRY(end(process_));
  BELAY_TRY(run(program_, arguments, image(id) + "/restore.log", &streams));
  attend(process, sealed.value("thread", 0));
  return {};
}

Status CriuDriver::remove(const std::string& id) {
  std::error_code error;
  // First what makes it an image.
  fs::remove(image(id) + "/" + kSeal, error);
  if (!error) fs::remove_all(image(id), error);
  if (error) return fail(error.value(), "{}: {}", image(id), errno_text(error.value()));
  return {};
}

std::vector<std::string> CriuDriver::list() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename();
    if (name != kTemporary && fs::exists(entry.path() / kSeal, error)) ids.push_back(name);
  }
  return ids;
}

uint64_t CriuDriver::bytes_of(const std::string& id) const {
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(image(id), error)) {
    uint64_t size = entry.file_size(error);
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace belay
