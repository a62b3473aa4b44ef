#include "durable_samples.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "belay/checkpoint_restore.h"
#include "durable_crew.h"

namespace belay::bench {
namespace {

// The library that this program is linked to.
std::string library_path() {
  Dl_info info;
  return dladdr(reinterpret_cast<void*>(belay_crinit), &info) != 0 ? info.dli_fname : "";
}

[[noreturn]] void become(const Worker& worker) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const auto& [name, value] : worker.environment) setenv(name.c_str(), value.c_str(), 1);
  if (worker.preload == Preload::kYes) {
    setenv("LD_PRELOAD", library_path().c_str(), 1);
    setenv("BELAY_RUN", std::to_string(getpid()).c_str(), 1);
  }
  std::vector<char*> arguments;
  for (const std::string& word : worker.command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  printf("exec_ms %.6f\n", double(now_ns()) * 1e-6);
  fflush(stdout);
  execv(arguments[0], arguments.data());
  _exit(127);
}

pid_t g_child;

// What the worker has printed by then counts.
void limit_time(int seconds) {
  signal(SIGALRM, [](int) { kill(g_child, SIGKILL); });
  alarm(unsigned(seconds));
}

}  // namespace

void Samples::add(const Samples& other) {
  for (const auto& [key, values] : other) {
    Values& own = (*this)[key];
    own.insert(own.end(), values.begin(), values.end());
  }
}

Values Samples::get(const std::string& key) const {
  auto found = find(key);
  return found != end() ? found->second : Values{};
}

Samples run(const Worker& worker) {
  int ends[2];
  if (pipe(ends) != 0) exit(1);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    become(worker);
  }
  g_child = child;
  limit_time(worker.seconds_max);
  close(ends[1]);
  Samples samples;
  FILE* lines = fdopen(ends[0], "r");
  char key[64];
  double value;
  while (fscanf(lines, "%63s %lf", key, &value) == 2) samples[key].push_back(value);
  fclose(lines);
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  bool late = alarm(0) == 0;
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return samples;
  std::string words;
  for (const std::string& word : worker.command) words += " " + word;
  if (late) {
    fprintf(stderr, "durable_bench: ended after %d s:%s\n", worker.seconds_max, words.c_str());
    return samples;
  }
  fprintf(stderr, "durable_bench: failed with wait status %#x:%s\n", unsigned(status),
          words.c_str());
  exit(1);
}

double quantile(Values values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[size_t(q * double(values.size() - 1) + 0.5)];
}

}  // namespace belay::bench
