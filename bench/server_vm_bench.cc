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

double ms(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }
double ms_since(Clock::time_point start) { return ms(Clock::now() - start); }

template <class T>
T require(Result<T> result) {
  if (!result) {
    fprintf(stderr, "server_vm_bench: %s\n", result.error().message);
    exit(result.error().code == ENOPKG ? kExitSkip : 1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A restore as it is seen from the host: the program says that it goes back, the driver works, the
// program says that it is back.
struct Trip {
  Clock::time_point going, asked, loaded, back;
};

// The driver, and when each restore was under way in it.
class TimedDriver final : public SnapshotDriver {
 public:
  TimedDriver(std::unique_ptr<VmDriver> driver, std::vector<Trip>* trips)
      : driver_(std::move(driver)), trips_(trips) {}
  std::string_view name() const override { return driver_->name(); }
  Status take(const std::string& id) override { return driver_->take(id); }
  Status remove(const std::string& id) override { return driver_->remove(id); }
  std::vector<std::string> list() const override { return driver_->list(); }
  Status restore(const std::string& id) override {
    Trip trip{.asked = Clock::now()};
    auto done = driver_->restore(id);
    trip.loaded = Clock::now();
    trips_->push_back(trip);
    return done;
  }

 private:
  std::unique_ptr<VmDriver> driver_;
  std::vector<Trip>* trips_;
};

// When the first bytes came of the program's lines before au_restore() and after au_checkpoint().
class Watch {
 public:
  void add(std::string_view bytes) {
    for (char byte : bytes) {
      if (at_line_start_ && byte == 'g') going.push_back(Clock::now());
      if (at_line_start_ && byte == 'r') back.push_back(Clock::now());
      at_line_start_ = byte == '\n';
    }
  }
  std::vector<Clock::time_point> going, back;

 private:
  bool at_line_start_ = true;
};

struct Folder {
  Folder() {
    if (mkdtemp(path) == nullptr) exit(1);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  char path[32] = "/tmp/belay-vm-bench-XXXXXX";
};

struct Figures {
  std::string accelerator;
  double boot_ms = 0;
  std::vector<double> takes_ms, loads_ms;
  std::vector<Trip> trips;
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
  require(find_qemu(VmOptions().qemu));
  require(build_guest({.builder = BELAY_BUILD_GUEST,
                       .output = folder,
                       .cache = BELAY_GUEST_CACHE,
                       .environment = {"BELAY_AU=train"},
                       .program = {BELAY_TRAINING, std::to_string(rounds), kSteps}}));
  Figures figures;
  Watch watch;
  const auto start = Clock::now();
  auto vm = require(Vm::start({.folder = folder + "/vm",
                               .kernel = folder + "/kernel",
                               .initrd = folder + "/initrd",
                               .console = [&](std::string_view bytes) { watch.add(bytes); }}));
  figures.boot_ms = ms_since(start);
  figures.accelerator = vm->accelerator();
  auto driver = require(VmDriver::attach(folder + "/vm"));
  measure_driver(*driver, rounds, &figures);

  ServerOptions options;
  options.folder = folder + "/state";
  options.socket = folder + "/socket";
  options.control = folder + "/control";
  options.attached.push_back({folder + "/vm/" + kVmPort,
                              std::make_unique<TimedDriver>(std::move(driver), &figures.trips)});
  auto server = require(Server::start(std::move(options)));
  std::thread runs([&] { server->run(); });
  auto status = require(vm->wait(5min));
  server->stop();
  runs.join();
  if (status != 0 || watch.back.size() != figures.trips.size()) {
    fprintf(stderr, "server_vm_bench: the program has ended with %d: %s\n", status,
            vm->last_words().c_str());
    exit(1);
  }
  for (size_t i = 0; i < figures.trips.size(); i++) {
    figures.trips[i].going = watch.going[i];
    figures.trips[i].back = watch.back[i];
  }
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && std::string(argv[1]) == "--quick";
  static Folder folder;  // exit() ends it too
  Figures figures = measure(folder.path, quick ? 3 : 15);
  const std::string vm = "vm (" + figures.accelerator + ", 256 MiB): ";
  print_row(vm + "boot until the program is at its checkpoint", "ms", {figures.boot_ms}, {});
  print_row(vm + "snapshot", "ms", figures.takes_ms, {});
  print_row(vm + "loadvm, machine idle", "ms", figures.loads_ms, {});
  std::vector<double> loads, before, after, over;
  for (const Trip& trip : figures.trips) {
    loads.push_back(ms(trip.loaded - trip.asked));
    before.push_back(ms(trip.asked - trip.going));
    after.push_back(ms(trip.back - trip.loaded));
    over.push_back(before.back() + after.back());
  }
  auto median = [](const std::vector<double>& of) { return rounded(quantile(of, 0.5)); };
  print_row(vm + "au_restore() to running, model back, over loadvm", "ms", over,
            {{"loadvm alone", median(loads)},
             {"of it: model to the server", median(before)},
             {"of it: model back, and on", median(after)}},
            kOverheadTargetMs);
  return 0;
}
