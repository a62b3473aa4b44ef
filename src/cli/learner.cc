#include "cli/learner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "cli/executable.h"
#include "cli/exit_code.h"
#include "cli/json.h"
#include "cli/notice.h"

namespace belay::cli {
namespace {

constexpr int kQuietMs = 1000;  // for the clock on the screen
// To come to the next decision and to save: a large replay memory is a GiB.
constexpr std::chrono::seconds kPatience{30};

// glibc 2.36's <sys/pidfd.h> can't be included from C++.
int open_pidfd(pid_t child) { return int(syscall(SYS_pidfd_open, child, 0)); }

}  // namespace

void LearnerOptions::add_to(CLI::App* app) {
  const char* folder = getenv("BELAY_AU_MODELS");
  models = folder != nullptr && *folder != '\0' ? folder : ".";
  app->add_option("--models", models, "Folder of the models (default: $BELAY_AU_MODELS, else .)")
      ->type_name("DIR");
  app->add_option("--model", model, "The model that counts, where there are several")
      ->type_name("NAME");
  app->add_option("--set", set, "An option of a model, MODEL.OPTION=VALUE; may be repeated")
      ->type_name("OPTION")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app->add_option("PROGRAM", command, "The program and its arguments; those with dashes after --")
      ->type_name("");
}

void LearnerOptions::prepare(const std::vector<std::string>& after_dashes) {
  command.insert(command.end(), after_dashes.begin(), after_dashes.end());
  if (command.empty()) throw Failure(kExitUsage, "which program?");
  std::error_code error;
  std::filesystem::create_directories(models, error);
  if (error) throw Failure(kExitCannotCreate, fmt::format("{}: {}", models, error.message()));
  program = find_executable(command[0]);
}

void become_program(const LearnerOptions& options, const char* mode, const Environment& environment,
                    const EndWatch& ends) {
  sigprocmask(SIG_SETMASK, &ends.mask_before(), nullptr);
  setenv("BELAY_AU", mode, 1);
  setenv("BELAY_AU_MODELS", options.models.c_str(), 1);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  const char* outside = getenv("BELAY_AU_SET");
  std::string set = outside != nullptr ? outside : "";
  for (const std::string& option : options.set) set += " " + option;
  setenv("BELAY_AU_SET", set.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& argument : options.command)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(options.program.c_str(), argv.data());
  fprintf(stderr, "belay: %s: %s\n", options.program.c_str(), errno_text(errno));
  _exit(kExitCannotExecute);
}

Learner::Learner(const LearnerOptions& options, const char* mode, Environment environment,
                 EndWatch& ends)
    : name_(options.command[0]), wanted_(options.model), ends_(ends) {
  int events[2];
  if (pipe2(events, O_CLOEXEC) != 0)
    throw Failure(kExitUnavailable, fmt::format("pipe: {}", errno_text(errno)));
  const pid_t parent = getpid();
  child_ = fork();
  if (child_ == 0) {
    // Nobody would watch over it any more. It saves what it has learnt.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kExitSignal + SIGTERM);
    // What the program prints is not to get into what a program reads.
    if (options.json) dup2(STDERR_FILENO, STDOUT_FILENO);
    // Not inherited: with BELAY_AU_DRIVER=process the program's images can't hold it.
    environment.emplace_back("BELAY_AU_PROGRESS", fmt::format("/proc/{}/fd/{}", parent, events[1]));
    become_program(options, mode, environment, ends);
  }
  int code = errno;
  events_ = events[0];
  events_in_ = events[1];
  fcntl(events_, F_SETFL, O_NONBLOCK);
  if (child_ < 0) throw Failure(kExitUnavailable, fmt::format("fork: {}", errno_text(code)));
  ended_ = open_pidfd(child_);
}

Learner::~Learner() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  if (ended_ >= 0) close(ended_);
  close(events_);
  close(events_in_);
}

std::optional<Event> Learner::parse(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  reports_ = true;
  Event event;
  std::string kind = json.value("event", "");
  event.model = json.value("model", "");
  event.decisions = json.value("decisions", uint64_t{0});
  if (kind == "program" || (!wanted_.empty() && event.model != wanted_)) return std::nullopt;
  wanted_ = event.model;
  if (kind == "model") {
    event.kind = Event::kModel;
    if (!json.value("usable", false))
      throw Failure(kExitData, fmt::format("model '{}' in this folder can't be used", event.model));
    return event;
  }
  if (kind != "episode") return std::nullopt;
  has_episodes_ = true;
  event.kind = Event::kEpisode;
  event.score = json.value("score", 0.0);
  event.loss = json.value("loss", 0.0);
  event.epsilon = json.value("epsilon", 0.0);
  return event;
}

// Whatever is in the pipe.
void Learner::read_lines() {
  char buffer[65536];
  ssize_t count;
  while ((count = read(events_, buffer, sizeof buffer)) > 0) text_.append(buffer, size_t(count));
}

Event Learner::next() {
  bool ended = false;
  for (;;) {
    for (size_t end; (end = text_.find('\n')) != text_.npos;) {
      std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      if (auto event = parse(line)) return *event;
    }
    if (ended) {
      int status = 0;
      waitpid(child_, &status, 0);
      child_ = -1;
      if (ends_.signal() == 0) check_end(status);
      return {.kind = Event::kProgramEnded};
    }
    pollfd watched[] = {{events_, POLLIN, 0}, {ended_, POLLIN, 0}, {ends_.descriptor(), POLLIN, 0}};
    if (poll(watched, 3, kQuietMs) == 0) return {.kind = Event::kQuiet};
    if (watched[2].revents != 0 && ends_.take() != 0) return {.kind = Event::kEndAsked};
    ended = watched[1].revents != 0;  // seen before what it wrote last is read
    read_lines();
  }
}

void Learner::check_end(int status) const {
  if (WIFSIGNALED(status))
    throw Failure(kExitSignal + WTERMSIG(status),
                  fmt::format("{} was killed by SIG{}. What was saved is kept: the same command "
                              "goes on from there",
                              name_, sigabbrev_np(WTERMSIG(status))));
  if (int code = WEXITSTATUS(status); code != 0)
    throw Failure(kExitUnavailable, fmt::format("{} exited with {}", name_, code));
  if (!reports_)
    throw Failure(kExitConfig,
                  fmt::format("{} has no learned decisions: it is not linked with libbelay_learn, "
                              "or has cleared its environment",
                              name_));
  if (!has_episodes_)
    throw Failure(kExitConfig,
                  fmt::format("{} ended without an episode: no model{} that learns by reward "
                              "(AU_QLEARN) came to a terminal decision",
                              name_, wanted_.empty() ? "" : " '" + wanted_ + "'"));
}

bool Learner::wait_until_ended(std::chrono::seconds patience) {
  auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    // The pipe has to be emptied meanwhile, or the program waits for room in it.
    pollfd watched[] = {{ended_, POLLIN, 0}, {events_, POLLIN, 0}};
    if (left.count() <= 0 || poll(watched, 2, int(left.count())) == 0) return false;
    if (watched[0].revents != 0) return true;
    read_lines();
    text_.clear();
  }
}

void Learner::end() {
  if (child_ < 0) return;
  kill(child_, SIGTERM);
  if (!wait_until_ended(kPatience)) {
    notice("{} did not end by SIGTERM within {} s: killed. What it learnt last may be lost", name_,
           kPatience.count());
    kill(child_, SIGKILL);
  }
  waitpid(child_, nullptr, 0);
  child_ = -1;
}

}  // namespace belay::cli
