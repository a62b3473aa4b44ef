// Checkpoints of a heap of 1 GiB (--quick: 256 MiB) under four computing threads, with the
// library's heap and as an unmodified program with malloc's, and beside them what else one could
// do. Every measurement is in a process of its own (durable_worker.cc). docs/performance.md says
// what each row means.
//
// usage: durable_bench [--quick]                  prints rows of JSON
//        durable_bench --worker ROLE ARGUMENT...  one measurement (for the above)
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>

#include "durable_disk.h"
#include "durable_samples.h"
#include "durable_worker.h"

extern char** environ;

namespace belay::bench {
namespace {

enum class Better { kLower, kHigher };
constexpr double kNoTarget = -1;

struct Row {
  std::string name;
  const char* unit;
  Values values;
  double target = kNoTarget;
  Better better = Better::kLower;
  std::vector<std::pair<const char*, Values>> peers = {};
};

// As it is printed, so that readers who compare figures come to the same verdict.
double rounded(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.4f", value);
  return strtod(text, nullptr);
}

void print(const Row& row) {
  if (row.values.empty()) return;
  std::string peers;
  for (const auto& [name, values] : row.peers) {
    if (values.empty()) continue;
    char text[128];
    snprintf(text, sizeof text, "%s\"%s\": %.4f", peers.empty() ? "" : ", ", name,
             quantile(values, 0.5));
    peers += text;
  }
  bool lower = row.better == Better::kLower, any = row.target != kNoTarget;
  double value = rounded(quantile(row.values, 0.5));
  char target[32] = "null";
  if (any) snprintf(target, sizeof target, "%.4f", row.target);
  bool met = lower ? value <= rounded(row.target) : value >= rounded(row.target);
  printf(
      "{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.4f, \"p10\": %.4f, \"p90\": %.4f, "
      "\"peers\": {%s}, \"target\": %s, \"better\": \"%s\", \"met\": %s}\n",
      row.name.c_str(), row.unit, value, quantile(row.values, 0.1), quantile(row.values, 0.9),
      peers.c_str(), target, lower ? "lower" : "higher",
      !any  ? "null"
      : met ? "true"
            : "false");
  fflush(stdout);
}

struct Heap {
  const char* argument;
  const char* title;
};
constexpr Heap kHeaps[] = {{"crmalloc", "crmalloc"}, {"malloc", "unmodified, malloc"}};

std::string text(double number) {
  char out[32];
  snprintf(out, sizeof out, "%g", number);
  return out;
}

class Bench {
 public:
  Bench(std::string self, std::string directory, bool quick)
      : self_(std::move(self)), directory_(std::move(directory)), quick_(quick) {}
  void run();

 private:
  int pick(int full, int quick) const { return quick_ ? quick : full; }
  int heap_mib() const { return pick(1024, 256); }
  // Targets are for 1 GiB and 1,024 threads.
  double aim(double target) const { return quick_ ? kNoTarget : target; }
  std::string of(const Heap& heap) const {
    return std::string(", ") + heap.title + (quick_ ? " 256 MiB" : " 1 GiB");
  }
  Samples measure(const Heap& heap, const char* role, std::vector<std::string> arguments,
                  bool belay = true, std::map<std::string, std::string> environment = {});
  void forget_store();
  void peers_of(const Heap& heap);
  void pause(const Heap& heap, double percent, int count, int threads = 4);
  void full(const Heap& heap);
  void restore(const Heap& heap);
  void work(const Heap& heap);
  void threads(const char* how, const char* title, double target_ms);
  void transactions();

  std::string self_, directory_;
  bool quick_;
  Samples peers_;  // of the heap being measured
  Values pmem_ms_;
};

void Bench::forget_store() { std::filesystem::remove_all(directory_ + "/worker"); }

Samples Bench::measure(const Heap& heap, const char* role, std::vector<std::string> arguments,
                       bool belay, std::map<std::string, std::string> environment) {
  Worker worker;
  worker.command = {self_, "--worker", role, heap.argument, std::to_string(heap_mib())};
  for (auto& argument : arguments) worker.command.push_back(argument);
  environment.merge(std::map<std::string, std::string>{
      {"BELAY_STORE", directory_}, {"BELAY_NAME", "worker"}, {"BELAY_INTERVAL_MS", "4294967295"}});
  worker.environment = environment;
  bool unmodified = strcmp(heap.argument, "malloc") == 0;
  worker.preload = belay && unmodified ? Preload::kYes : Preload::kNo;
  return bench::run(worker);
}

void Bench::peers_of(const Heap& heap) {
  peers_ = measure(heap, "fork", {text(pick(40, 5))}, false);
  peers_.add(measure(heap, "write", {text(pick(5, 1))}, false));
}

void Bench::transactions() {
  Worker worker;
  std::string program = self_.substr(0, self_.rfind('/')) + "/durable_pmem_peer";
  if (access(program.c_str(), X_OK) != 0) return;  // libpmemobj was not there
  worker.command = {program, directory_ + "/pool", std::to_string(heap_mib()), "1",
                    text(pick(2, 1))};
  worker.seconds_max = pick(30, 3);
  pmem_ms_ = bench::run(worker).get("pmem_ms");
  unlink((directory_ + "/pool").c_str());
}

void Bench::pause(const Heap& heap, double percent, int count, int threads) {
  double interval_ms = pick(250, 100);
  forget_store();
  Samples all =
      measure(heap, "pause",
              {text(percent), text(interval_ms), text(count), text(pick(60, 3)), text(threads)});
  forget_store();
  bool aimed = percent == 1 && threads == 4;
  std::string what = of(heap) + ", " + text(percent) + " % dirty";
  if (threads != 4) what += ", " + text(threads) + " threads";
  Values pauses = all.get("pause_ms"), longest = {quantile(pauses, 0.99)};
  Values fork_ms = peers_.get("fork_ms"), write_ms = peers_.get("write_ms");
  std::string number = std::to_string(pauses.size());
  if (pauses.empty()) return;
  print({"pause, median of " + number + what,
         "ms",
         pauses,
         aimed ? aim(1.5) : kNoTarget,
         Better::kLower,
         {{"fork", fork_ms}, {"write + fdatasync, stopped", write_ms}}});
  print({"pause, p99 of " + number + what,
         "ms",
         longest,
         aimed ? aim(1.5) : kNoTarget,
         Better::kLower,
         {{"fork", {quantile(fork_ms, 0.99)}}}});
  print({"of the pause, until the threads are let go" + what, "ms", all.get("held_ms")});
  print({"largest gap a thread sees" + what,
         "ms",
         all.get("gap_ms"),
         kNoTarget,
         Better::kLower,
         {{"without a checkpoint", all.get("quiet_gap_ms")}}});
  print({"start to durable" + what,
         "ms",
         all.get("durable_ms"),
         aimed ? aim(15) : kNoTarget,
         Better::kLower,
         {{"libpmemobj", aimed ? pmem_ms_ : Values{}}, {"write + fdatasync", write_ms}}});
  print({"residue" + what, "pages", all.get("residue_pages")});
}

void Bench::full(const Heap& heap) {
  forget_store();
  Samples all = measure(heap, "full", {text(pick(8, 1)), text(pick(20, 1))}, true,
                        {{"BELAY_RETENTION", "1"}});
  forget_store();
  // Each beside the write by itself that followed it.
  auto shares = [&](const char* own, const char* disk) {
    Values values = all.get(own), disks = all.get(disk);
    for (size_t i = 0; i < values.size(); ++i) values[i] *= 100 / disks[i];
    return values;
  };
  print({"full checkpoint" + of(heap),
         "GB/s",
         all.get("full_gbps"),
         kNoTarget,
         Better::kHigher,
         {{"disk, 4 threads computing", all.get("disk_gbps")},
          {"disk by itself", all.get("quiet_disk_gbps")}}});
  print({"full checkpoint, share of the disk's rate" + of(heap),
         "%",
         shares("full_gbps", "disk_gbps"),
         aim(93),
         Better::kHigher,
         {{"nothing computing", shares("quiet_full_gbps", "quiet_disk_gbps")}}});
}

void Bench::restore(const Heap& heap) {
  forget_store();
  measure(heap, "restore", {});
  for (const char* verify : {"touch", "ahead"}) {
    Values warm, cold;
    std::map<std::string, std::string> environment = {{"BELAY_VERIFY", verify}};
    auto once = [&] {
      Samples samples = measure(heap, "restore", {}, true, environment);
      Values first = samples.get("first_ms");
      if (first.size() != 1) {
        fprintf(stderr, "durable_bench: nothing was restored\n");
        exit(1);
      }
      return first[0] - samples["exec_ms"][0];
    };
    for (int i = 0; i < pick(3, 0); ++i) {
      forget_files(directory_ + "/worker");
      cold.push_back(once());
    }
    once();  // fills the page cache
    for (int i = 0; i < pick(25, 2); ++i) warm.push_back(once());
    Values read_ms = {read_files(directory_ + "/worker") * 1e3};
    print({std::string("restore to first instruction, verified ") +
               (strcmp(verify, "touch") == 0 ? "on touch" : "ahead") + of(heap),
           "ms",
           warm,
           aim(5),
           Better::kLower,
           {{"image not in page cache", cold}, {"read of the whole image", read_ms}}});
  }
  forget_store();
}

void Bench::work(const Heap& heap) {
  Values shares;
  for (int i = 0; i < pick(4, 1); ++i) {
    Values rates[2];
    for (int on : {i % 2, 1 - i % 2}) {
      forget_store();
      rates[on] = measure(heap, "work", {text(pick(3, 1)), on != 0 ? "on" : "off"}, on != 0)
                      .get("loops_per_s");
    }
    shares.push_back(100 * quantile(rates[1], 0.5) / quantile(rates[0], 0.5));
  }
  forget_store();
  print({"work done under a checkpoint a second" + of(heap),
         "%",
         shares,
         kNoTarget,
         Better::kHigher,
         {{"no checkpoints", {100}}}});
}

void Bench::threads(const char* how, const char* title, double target_ms) {
  forget_store();
  int count = pick(1024, 128);
  Samples all = measure(kHeaps[0], "threads",
                        {text(pick(100, 10)), text(pick(30, 2)), std::to_string(count), how});
  forget_store();
  Values pauses = all.get("pause_ms");
  std::string what = (quick_ ? ", 128 threads, " : ", 1,024 threads, ") + std::string(title);
  std::string number = std::to_string(pauses.size());
  if (pauses.empty()) return;
  print({"pause, median of " + number + what, "ms", pauses, aim(target_ms)});
  print({"pause, p99 of " + number + what, "ms", {quantile(pauses, 0.99)}, aim(target_ms)});
}

void Bench::run() {
  transactions();
  for (const Heap& heap : kHeaps) {
    peers_of(heap);
    // Some are full, and not counted.
    pause(heap, 1, pick(105, 15));
    pause(heap, 1, pick(105, 15), 2);  // as many as a small machine has cores
    if (!quick_) pause(heap, 10, 105);
    full(heap);
    restore(heap);
    work(heap);
  }
  threads("wait", "all waiting", 12);
  threads("mixed", "half computing, half in read", 25);
}

std::string g_directory;

// Of runs that were killed: gigabytes.
void remove_left_behind(const std::string& prefix) {
  std::filesystem::path folder = std::filesystem::path(prefix).parent_path();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::string path = entry.path();
    if (!path.starts_with(prefix)) continue;
    if (kill(atoi(path.c_str() + prefix.size()), 0) != 0) std::filesystem::remove_all(path);
  }
}

int run_all(bool quick) {
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0) return 1;
  self[length] = '\0';
  // Beside the program, on the disk that it was built on: a /tmp may be no disk at all.
  std::string prefix = std::string(self) + ".store.";
  remove_left_behind(prefix);
  g_directory = prefix + std::to_string(getpid());
  std::filesystem::create_directory(g_directory);
  atexit([] {
    std::error_code ignored;
    std::filesystem::remove_all(g_directory, ignored);
  });
  Bench(self, g_directory, quick).run();
  return 0;
}

// A BELAY_ variable of whoever runs this would change what is measured.
void forget_environment() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (strncmp(*entry, "BELAY_", 6) == 0) names.emplace_back(*entry, strcspn(*entry, "="));
  for (const std::string& name : names) unsetenv(name.c_str());
}

}  // namespace
}  // namespace belay::bench

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "--worker") == 0)
    return belay::bench::run_worker(argc - 2, argv + 2);
  belay::bench::forget_environment();
  return belay::bench::run_all(argc > 1 && strcmp(argv[1], "--quick") == 0);
}
