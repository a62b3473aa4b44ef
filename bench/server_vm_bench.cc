// Snapshots of a virtual machine: what QEMU takes for them, and what comes on top of that until a
// program has its model back and runs on. One machine; its program is that of tests/drivers.
//
// usage: server_vm_bench [--quick]             prints a row of JSON a measurement
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "row.h"
#include "server/guest.h"
#include "server/server.h"
#include "server/vm.h"
#include "server/vm_driver.h"

namespace {

using namespace belay;
using namespace belay::bench;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kExitSkip = 77;
constexpr double kOverheadTargetMs = 20;
constexpr char kSteps[] = "300";  // between a restore and the next

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

template <class T>
T require(Result<T> result) {
  if (!result) {
    fprintf(stderr, "server_vm_bench: %s\n", result.error().message);
    exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The driver, and how long each restore was under way in it.
class TimedDriver final : public SnapshotDriver {
 public:
  TimedDriver(std::unique_ptr<VmDriver> driver, std::vector<double>* loads_ms)
      : driver_(std::move(driver)), loads_ms_(loads_ms) {}
  std::string_view name() const override { return driver_->name(); }
  Status take(const std::string& id) override { return driver_->take(id); }
  Status remove(const std::string& id) override { return driver_->remove(id); }
  Status restore(const std::string& id) override {
    const auto start = Clock::now();
    auto done = driver_->restore(id);
    loads_ms_->push_back(ms_since(start));
    return done;
  }

 private:
  std::unique_ptr<VmDriver> driver_;
  std::vector<double>* loads_ms_;
};

// From the first byte of the program's line before au_restore() to the first of the one after it.
class RoundTrips {
 public:
  void add(std::string_view bytes) {
    for (char byte : bytes) {
      if (at_line_start_ && byte == 'g') going_ = Clock::now();
      if (at_line_start_ && byte == 'r') times_ms.push_back(ms_since(going_));
      at_line_start_ = byte == '\n';
    }
  }
  std::vector<double> times_ms;

 private:
  bool at_line_start_ = true;
  Clock::time_point going_;
};

struct Figures {
  std::string accelerator;
  double boot_ms = 0;
  std::vector<double> takes_ms, loads_ms, overheads_ms, loads_between_ms;
};

// While the program waits for a server.
void measure_driver(VmDriver& driver, int rounds, Figures* figures) {
  for (int i = 0; i < rounds; i++) {
    const std::string id = "bench-" + std::to_string(i);
    auto start = Clock::now();
    require(driver.take(id));
    figures->takes_ms.push_back(ms_since(start));
    start = Clock::now();
    require(driver.restore(id));
    figures->loads_ms.push_back(ms_since(start));
    require(driver.remove(id));
  }
}

Figures measure(const std::string& folder, int rounds) {
  auto built = build_guest({.builder = BELAY_BUILD_GUEST,
                            .output = folder,
                            .cache = BELAY_GUEST_CACHE,
                            .environment = {"BELAY_AU=train"},
                            .program = {BELAY_TRAINING, std::to_string(rounds), kSteps}});
  if (!built) {
    fprintf(stderr, "server_vm_bench: %s\n", built.error().message);
    exit(built.error().code == ENOPKG ? kExitSkip : 1);
  }
  Figures figures;
  RoundTrips trips;
  const auto start = Clock::now();
  auto vm = require(Vm::start({.folder = folder + "/vm",
                               .kernel = folder + "/kernel",
                               .initrd = folder + "/initrd",
                               .console = [&](std::string_view bytes) { trips.add(bytes); }}));
  figures.boot_ms = ms_since(start);
  figures.accelerator = vm->accelerator();
  auto driver = require(VmDriver::attach(folder + "/vm"));
  measure_driver(*driver, rounds, &figures);

  ServerOptions options;
  options.folder = folder + "/state";
  options.socket = folder + "/socket";
  options.control = folder + "/control";
  options.attached.push_back(
      {folder + "/vm/" + kVmPort,
       std::make_unique<TimedDriver>(std::move(driver), &figures.loads_between_ms)});
  auto server = require(Server::start(std::move(options)));
  std::thread runs([&] { server->run(); });
  auto status = require(vm->wait(5min));
  server->stop();
  runs.join();
  if (status != 0 || trips.times_ms.size() != figures.loads_between_ms.size()) {
    fprintf(stderr, "server_vm_bench: the program has ended with %d: %s\n", status,
            vm->last_words().c_str());
    exit(1);
  }
  for (size_t i = 0; i < trips.times_ms.size(); i++)
    figures.overheads_ms.push_back(trips.times_ms[i] - figures.loads_between_ms[i]);
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  char folder[] = "/tmp/belay-vm-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  Figures figures = measure(folder, quick ? 3 : 15);
  std::filesystem::remove_all(folder);
  const std::string vm = "vm (" + figures.accelerator + ", 256 MiB): ";
  print_row(vm + "boot until the program is at its checkpoint", "ms", {figures.boot_ms}, {});
  print_row(vm + "snapshot", "ms", figures.takes_ms, {});
  print_row(vm + "loadvm, machine idle", "ms", figures.loads_ms, {});
  print_row(vm + "au_restore() to running, model back, over loadvm", "ms", figures.overheads_ms,
            {{"loadvm alone", rounded(quantile(figures.loads_between_ms, 0.5))}},
            kOverheadTargetMs);
  return 0;
}
