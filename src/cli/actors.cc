#include "cli/actors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "cli/exit_code.h"
#include "cli/notice.h"
#ifdef BELAY_HAS_SERVER
#include "cli/relay.h"
#include "server/server.h"
#endif

namespace belay::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A program that can't even start fails in no time; one that has run for longer is worth another
// try, as often as it takes.
constexpr std::chrono::seconds kSoon{5};
constexpr unsigned kFailuresMax = 3;
constexpr std::chrono::seconds kGrace{2};

std::string socket_name() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number)
    throw Failure(kExitUnavailable, "no random numbers");
  return fmt::format("@belay-actors-{:016x}", number);
}

std::string how_it_ended(int status) {
  return WIFSIGNALED(status) ? fmt::format("was killed by SIG{}", sigabbrev_np(WTERMSIG(status)))
                             : fmt::format("exited with {}", WEXITSTATUS(status));
}

// glibc 2.36's <sys/pidfd.h> can't be included from C++.
bool ends_until(pid_t child, Clock::time_point end) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd watched{int(syscall(SYS_pidfd_open, child, 0)), POLLIN, 0};
  bool ended = watched.fd < 0 || poll(&watched, 1, int(std::max<int64_t>(0, left.count()))) > 0;
  if (watched.fd >= 0) close(watched.fd);
  return ended;
}

}  // namespace

#ifdef BELAY_HAS_SERVER
// The folder's lock keeps a second training of the same models away.
class ActorsServer {
 public:
  explicit ActorsServer(const std::string& models)
      : socket_(socket_name()),
        server_(require(
            Server::start({.folder = std::filesystem::absolute(models).string() + "/.actors",
                           .removes_folder = true,
                           .socket = socket_,
                           .ends_by_signal = false}))),
        thread_([this] { server_->run(); }) {}
  ~ActorsServer() {
    server_->stop();
    thread_.join();
  }
  std::string address() const { return "unix:" + socket_; }

 private:
  std::string socket_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};
// Before any program is started: each would say for itself that it is not let in.
void prepare_tcp(const std::string& address, Environment& environment) {
  if (auto tried = try_relay(relay_to(address)); !tried)
    throw Failure(exit_code_of_errno(tried.error().code),
                  fmt::format("the server at tcp:{}: {}", address, tried.error().text()));
  if (getenv("BELAY_AU_RELAY") != nullptr) return;
  environment.emplace_back("BELAY_AU_RELAY",
                           std::filesystem::read_symlink("/proc/self/exe").string());
}
#else
void prepare_tcp(const std::string&, Environment&) {}
class ActorsServer {
 public:
  explicit ActorsServer(const std::string&) {
    throw Failure(kExitConfig, "belay was built without its server: --server names another");
  }
  std::string address() const { return ""; }
};
#endif

Actors::Actors(const LearnerOptions& options, size_t count, const std::string& server,
               EndWatch& ends)
    : options_(options), ends_(ends), actors_(count) {
  if (server.empty()) server_ = std::make_unique<ActorsServer>(options.models);
  environment_ = {{"BELAY_AU_EXCHANGE", server.empty() ? server_->address() : server},
                  {"BELAY_AU_EXCHANGE_MODEL", options.model}};
  if (server.starts_with("tcp:")) prepare_tcp(server.substr(4), environment_);
  for (size_t number = 1; number <= count; number++) start(number);
}

Actors::~Actors() {
  for (Actor& actor : actors_)
    if (actor.pid > 0) kill(actor.pid, SIGTERM);
  const auto end = Clock::now() + kGrace;
  for (Actor& actor : actors_) {
    if (actor.pid <= 0) continue;
    if (!ends_until(actor.pid, end)) kill(actor.pid, SIGKILL);
    waitpid(actor.pid, nullptr, 0);
  }
}

void Actors::start(size_t number) {
  Actor& actor = actors_[number - 1];
  actor.started = Clock::now();
  const pid_t parent = getpid();
  actor.pid = fork();
  if (actor.pid < 0) throw Failure(kExitUnavailable, fmt::format("fork: {}", errno_text(errno)));
  if (actor.pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // it has nothing to save
  if (getppid() != parent) _exit(kExitSignal + SIGKILL);
  Environment environment = environment_;
  environment.emplace_back("BELAY_AU_ACTOR", std::to_string(number));
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(null, STDOUT_FILENO);
  become_program(options_, "act", environment, ends_);
}

void Actors::replace_ended() {
  for (size_t number = 1; number <= actors_.size(); number++) {
    int status = 0;
    if (waitpid(actors_[number - 1].pid, &status, WNOHANG) <= 0) continue;
    actors_[number - 1].pid = -1;
    note_end(number, status);
    start(number);
  }
}

// One that exits with 0 has played its games.
void Actors::note_end(size_t number, int status) {
  Actor& actor = actors_[number - 1];
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  actor.failures = Clock::now() - actor.started < kSoon ? actor.failures + 1 : 1;
  if (actor.failures >= kFailuresMax)
    throw Failure(
        kExitUnavailable,
        fmt::format("actor {} {}, soon after its start, for the {}rd time. What was saved "
                    "is kept: the same command goes on from there",
                    number, how_it_ended(status), kFailuresMax));
  notice("actor {} {}: another takes its place", number, how_it_ended(status));
}

}  // namespace belay::cli
