// Undo by regions beside everything else that undoes: hand-written code, libitm, fork, an mprotect
// snapshot, memcpy of the state, libpmemobj. Each measurement is a process of its own
// (region_worker_*), and they take turns, so that what disturbs the machine disturbs all.
//
// usage: region_bench [--quick]                prints a row of JSON a measurement
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "row.h"

namespace {

using belay::bench::quantile;

constexpr int kExitSkip = 77;
constexpr double kStoreNsMax = 0.8;
constexpr double kTimesLessThanItm = 20;
constexpr size_t kShort = 1024, kLong = size_t{4} << 20;

struct Method {
  const char *name, *program, *argument;
};
constexpr Method kMethods[] = {
    {"belay", "belay", "belay"},      {"rewindable", "belay", "rewindable"},
    {"plain", "plain", "plain"},      {"hand", "plain", "hand"},
    {"memcpy", "plain", "memcpy"},    {"mprotect", "plain", "mprotect"},
    {"fork", "plain", "fork"},        {"libitm gl_wt", "itm", "gl_wt"},
    {"libitm ml_wt", "itm", "ml_wt"}, {"libpmemobj", "pmem", "pmem"},
};

std::string folder;
int rounds, samples;

// The median of one process's samples; negative where the peer isn't there.
double measure(const Method& method, const std::string& what) {
  std::string program = folder + "/region_worker_" + method.program;
  if (access(program.c_str(), X_OK) != 0) return -1;
  std::string command =
      program + " " + method.argument + " " + what + " " + std::to_string(samples) + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<double> values;
  double value;
  while (pipe != nullptr && fscanf(pipe, "%lf", &value) == 1) values.push_back(value);
  int status = pipe != nullptr ? pclose(pipe) : -1;
  if (status == 0 && !values.empty()) return quantile(values, 0.5);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitSkip) return -1;
  fprintf(stderr, "region_bench: %s failed (status %d)\n", command.c_str(), status);
  exit(1);
}

// A value a round of each method.
using Rounds = std::map<std::string, std::vector<double>>;

Rounds measure_all(const std::string& what, const std::vector<std::string>& names) {
  Rounds result;
  for (int round = 0; round < rounds; round++)
    for (const Method& method : kMethods) {
      if (std::find(names.begin(), names.end(), method.name) == names.end()) continue;
      double value = measure(method, what);
      if (value >= 0) result[method.name].push_back(value);
    }
  return result;
}

// f of each two values of a round.
std::vector<double> combine(const std::vector<double>& a, const std::vector<double>& b,
                            const std::function<double(double, double)>& f) {
  std::vector<double> result;
  for (size_t i = 0; i < std::min(a.size(), b.size()); i++) result.push_back(f(a[i], b[i]));
  return result;
}

// (with - without) / entries of each method, no less than 0.
Rounds per_entry(const Rounds& with, const Rounds& without, const char* baseline, double entries) {
  Rounds result;
  for (const auto& [name, values] : with) {
    auto base = without.find(baseline != nullptr ? baseline : name);
    if (name == "plain" || base == without.end()) continue;
    result[name] = combine(values, base->second,
                           [=](double a, double b) { return std::max(0.0, (a - b) / entries); });
  }
  return result;
}

void print_row(const std::string& name, const char* unit, const std::vector<double>& own,
               const Rounds& peers, double target = 0, bool lower = true) {
  if (own.empty()) return;
  belay::bench::Peers medians;
  for (const auto& [peer, values] : peers)
    if (peer != "belay") medians[peer] = quantile(values, 0.5);
  belay::bench::print_row(name, unit, own, medians, target, lower);
}

void print_times_less(const std::string& name, const Rounds& overhead) {
  for (const char* peer : {"libitm gl_wt", "libitm ml_wt"}) {
    auto itm = overhead.find(peer);
    if (itm == overhead.end()) continue;
    // In a round in which none was seen, of a whole workload, it counts as a thousandth.
    auto times = combine(itm->second, overhead.at("belay"), [](double a, double b) {
      return a / std::max({b, a / 1000, 0.001});
    });
    print_row(name + " than " + peer, "times", times, {}, kTimesLessThanItm, false);
  }
}

const std::vector<std::string> kAll = {"belay",        "plain",        "hand",
                                       "memcpy",       "mprotect",     "fork",
                                       "libitm gl_wt", "libitm ml_wt", "libpmemobj"};
const std::vector<std::string> kLogs = {"belay", "plain", "hand"};

std::string entries(size_t count) {
  std::string text = " ";
  return text.append(std::to_string(count));
}

void stores() {
  std::string title = "logged store, log in cache, ";
  for (const char* kernel : {"scatter", "records"}) {
    Rounds keep = measure_all(kernel + (" keep" + entries(kShort)), kAll);
    Rounds cost = per_entry(keep, keep, "plain", kShort);
    std::string where = strcmp(kernel, "scatter") == 0 ? "scattered words" : "records of 4 words";
    print_row(title + where, "ns", cost["belay"], cost, kStoreNsMax);
    print_times_less("store overhead less, " + where + ",", cost);
    if (strcmp(kernel, "scatter") != 0) continue;
    Rounds undo = measure_all("scatter undo" + entries(kShort), kAll);
    Rounds back = per_entry(undo, keep, nullptr, kShort);
    print_row("rollback an entry, log in cache", "ns", back["belay"], back);
  }
  Rounds keep = measure_all("scatter keep" + entries(kLong), kLogs);
  Rounds cost = per_entry(keep, keep, "plain", kLong);
  print_row("logged store, log of 64 MiB", "ns", cost["belay"], cost);
  Rounds undo = measure_all("scatter undo" + entries(kLong), kLogs);
  Rounds back = per_entry(undo, keep, nullptr, kLong);
  print_row("rollback an entry, log of 64 MiB", "ns", back["belay"], back);
}

void ends() {
  auto names = kAll;
  names.push_back("rewindable");
  Rounds one = measure_all("scatter keep 1", names);
  print_row("region with one store: start, store, commit", "ns", one["belay"], one);
  for (size_t count : {kShort, size_t{1} << 20}) {
    Rounds stop = measure_all("scatter stop" + entries(count), {"belay"});
    print_row("commit of " + std::to_string(count) + " entries", "ns", stop["belay"], {});
  }
}

void workloads(bool quick) {
  std::string moves = entries(quick ? 200 : 1000);
  std::vector<std::string> names = {"belay",  "plain",        "hand",
                                    "memcpy", "libitm gl_wt", "libitm ml_wt"};
  Rounds keep = measure_all("moves keep" + moves, names);
  Rounds cost = per_entry(keep, keep, "plain", 1);
  print_row("job shop, every move kept: overhead a move", "ns", cost["belay"], cost);
  print_times_less("job shop overhead less", cost);
  names.push_back("fork");
  Rounds annealed = measure_all("moves undo" + moves, names);
  annealed.erase("plain");  // it can't refuse a move
  print_row("job shop, annealing: a move", "ns", annealed["belay"], annealed);
  Rounds queens = measure_all("queens undo" + entries(quick ? 8 : 10), {"belay", "hand", "memcpy"});
  print_row("queens: a placement and its undo", "ns", queens["belay"], queens);
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  rounds = quick ? 5 : 15;
  samples = quick ? 5 : 7;
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return 1;
  folder = std::string(self, size_t(length));
  folder.resize(folder.rfind('/'));
  if (access((folder + "/region_worker_belay").c_str(), X_OK) != 0) {
    fprintf(stderr, "region_bench: built without the compiler plugin (script/packages clang)\n");
    return kExitSkip;
  }
  stores();
  ends();
  workloads(quick);
}
