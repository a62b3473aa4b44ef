// Runs a program that region_main.c begins, and compares its memory word by word after the rollback
// with what it was at the region's start.
//
// usage: memory_check REPORT PROGRAM [ARGUMENT...]     REPORT has a line for each word that
// differs:
//     differs ADDRESS WAS NOW MAPPING+OFFSET
// with the offset from where the file is loaded, and at the end "compared BYTES bytes in COUNT
// mappings, N words differ". The program's own exit status is its result; 99 if it never came to
// the end of its rollback.
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr int kNeverRolledBack = 99;
constexpr size_t kWord = 8;

// region_main.c's.
struct Span {
  uint64_t begin, end;
  bool has(uint64_t address) const { return address - begin < end - begin; }
};
struct Report {
  uint64_t phase, frame;
  Span heap, ignored[5];
};

struct Mapping {
  uint64_t begin, end;
  uint64_t base;  // where its file is loaded
  std::string name;
  std::vector<char> bytes;
};

bool read_memory(pid_t pid, uint64_t from, void* to, size_t bytes) {
  iovec local = {to, bytes}, remote = {reinterpret_cast<void*>(from), bytes};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

std::map<uint64_t, Mapping> writable_mappings(pid_t pid) {
  std::map<uint64_t, Mapping> found;
  std::string path = "/proc/" + std::to_string(pid) + "/maps";
  FILE* maps = fopen(path.c_str(), "r");
  if (maps == nullptr) return found;
  char line[4096];
  uint64_t last_end = 0, base = 0;
  std::string last_name;
  while (fgets(line, sizeof line, maps) != nullptr) {
    Mapping each;
    char access[8], name[4096] = "";
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %4095[^\n]", &each.begin, &each.end,
               access, name) < 3)
      continue;
    // What follows a library's variables are those of them that begin as zeros.
    const bool follows = name[0] == '\0' && last_end == each.begin && last_name[0] == '/';
    each.name = follows ? last_name : name;
    if (each.name.empty() || each.name != last_name) base = each.begin;
    each.base = base;
    last_end = each.end;
    last_name = each.name;
    if (access[1] == 'w') found[each.begin] = each;
  }
  fclose(maps);
  return found;
}

class Comparison {
 public:
  explicit Comparison(pid_t pid) : pid_(pid) {}

  void on_report(const Report& report) {
    if (report.phase == 0) before_ = writable_mappings(pid_);
    if (report.phase == 1) remember(report);
    if (report.phase == 2) compare(report);
  }
  bool done() const { return done_; }

 private:
  // Mappings that the region library has made since phase 0 are its own.
  void remember(const Report& report) {
    for (auto& [begin, each] : writable_mappings(pid_)) {
      if (!is_old(each) || each.name.find("libbelay_region") != std::string::npos) continue;
      uint64_t from = begin, end = each.end;
      if (each.name == "[stack]") from = report.frame;
      if (begin <= report.heap.begin && report.heap.begin < end) end = report.heap.end;
      Mapping copy = {from, end, each.base, each.name, {}};
      copy.bytes.resize(end - from);
      if (read_memory(pid_, from, copy.bytes.data(), copy.bytes.size()))
        start_.push_back(std::move(copy));
      else
        printf("unreadable %" PRIx64 " %s\n", from, each.name.c_str());
    }
  }

  bool is_old(const Mapping& each) const {
    auto above = before_.upper_bound(each.begin);
    return above != before_.begin() && std::prev(above)->second.end > each.begin;
  }

  void compare(const Report& report) {
    done_ = true;
    size_t all = 0, differences = 0;
    for (const Mapping& each : start_) {
      std::vector<char> now(each.bytes.size());
      all += now.size();
      if (!read_memory(pid_, each.begin, now.data(), now.size())) {
        printf("gone %" PRIx64 " %s\n", each.begin, each.name.c_str());
        differences++;
        continue;
      }
      for (size_t at = 0; at + kWord <= now.size(); at += kWord) {
        if (memcmp(&now[at], &each.bytes[at], kWord) == 0) continue;
        const uint64_t address = each.begin + at;
        auto ignores = [&](const Span& span) { return span.has(address); };
        if (std::any_of(std::begin(report.ignored), std::end(report.ignored), ignores)) continue;
        uint64_t was_word, now_word;
        memcpy(&was_word, &each.bytes[at], kWord);
        memcpy(&now_word, &now[at], kWord);
        differences++;
        printf("differs %" PRIx64 " %" PRIx64 " %" PRIx64 " %s+%" PRIx64 "\n", address, was_word,
               now_word, each.name.empty() ? "anonymous" : each.name.c_str(), address - each.base);
      }
    }
    printf("compared %zu bytes in %zu mappings, %zu words differ\n", all, start_.size(),
           differences);
    fflush(stdout);
  }

  pid_t pid_;
  std::map<uint64_t, Mapping> before_;
  std::vector<Mapping> start_;
  bool done_ = false;
};

int follow(pid_t pid) {
  Comparison comparison(pid);
  int status;
  while (waitpid(pid, &status, 0) == pid) {
    if (WIFEXITED(status)) return comparison.done() ? WEXITSTATUS(status) : kNeverRolledBack;
    if (WIFSIGNALED(status)) {
      printf("ended by signal %d\n", WTERMSIG(status));
      return kNeverRolledBack;
    }
    int signal = WSTOPSIG(status);
    siginfo_t info;
    if (signal == SIGURG && ptrace(PTRACE_GETSIGINFO, pid, nullptr, &info) == 0 &&
        info.si_code == SI_QUEUE) {
      Report report;
      if (read_memory(pid, reinterpret_cast<uint64_t>(info.si_value.sival_ptr), &report,
                      sizeof report))
        comparison.on_report(report);
      signal = 0;
    } else if (signal == SIGTRAP) {
      signal = 0;  // of exec
    }
    ptrace(PTRACE_CONT, pid, nullptr, signal);
  }
  return kNeverRolledBack;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: memory_check REPORT PROGRAM [ARGUMENT...]\n");
    return 64;
  }
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  if (freopen(argv[1], "w", stdout) == nullptr) {
    perror(argv[1]);
    return 66;
  }
  return follow(pid);
}
