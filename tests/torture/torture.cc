// Goal: a program whose threads are caught in the middle of everything that a program may be in the
// middle of, and whose result does not depend on scheduling. A run that was killed and restored
// must print the checksum, and leave the files, of an undisturbed one.
//
// usage: torture THREADS STEPS SEED FOLDER
#include "torture.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#ifndef TORTURE_PLAIN
#include <belay/checkpoint_restore.h>
#endif

namespace torture {
namespace {

constexpr int kFilesMax = 48;  // slots with an output file of their own
constexpr int kEchoesMax = 4;  // threads that answer over pipes
constexpr int kLives = 3;      // how often each slot's thread is created
constexpr int kTicks = 5;

// A thread that answers what is written into its pipe; a slot blocks until it does.
struct Echo {
  int request[2], answer[2];
  std::thread thread;

  void start() {
    TORTURE_EXPECT(pipe(request) == 0 && pipe(answer) == 0);
    thread = std::thread([this] {
      uint64_t value;
      ssize_t n;
      while ((n = read(request[0], &value, sizeof value)) == sizeof value) {
        value = mix(value, 17);
        TORTURE_EXPECT(write(answer[1], &value, sizeof value) == sizeof value);
      }
      TORTURE_EXPECT(n == 0);
    });
  }
  void stop() {
    close(request[1]);
    thread.join();
    for (int fd : {request[0], answer[0], answer[1]}) close(fd);
  }
};

class Torture {
 public:
  explicit Torture(const Arguments& arguments) : arguments_(arguments), slots_(arguments.threads) {}
  uint64_t run();

 private:
  void open_files();
  void live(Slot& slot, int from, int to);
  void step(Slot& slot, int number);

  Arguments arguments_;
  std::vector<Slot> slots_;
  Echo echoes_[kEchoesMax];
  FILE* log_ = nullptr;
};

void Torture::open_files() {
  auto open = [&](const std::string& name) {
    FILE* file = fopen((arguments_.folder + "/" + name).c_str(), "w");
    TORTURE_EXPECT(file != nullptr);
    return file;
  };
  log_ = open("log");
  for (Slot& slot : slots_)
    if (slot.number < kFilesMax) slot.file = open("slot" + std::to_string(slot.number));
}

void Torture::step(Slot& slot, int number) {
  switch ((number + slot.number) % 11) {
    case 0:
    case 1:
      return allocate(slot);
    case 2:
      return build_string(slot);
    case 3:
      return throw_across_frames(slot);
    case 4:
    case 5:
      return calculate(slot);
    case 6:
      return print(slot, number, log_);
    case 7:
      return signal_oneself(slot);
    case 8:
      return hold_mutexes(slot);
    case 9:
      return wait_in_vain(slot);
    case 10:
      if (slot.number >= kEchoesMax) return create_thread(slot);
      Echo& echo = echoes_[slot.number];
      return ask_over_pipe(slot, echo.request[1], echo.answer[0]);
  }
}

void Torture::live(Slot& slot, int from, int to) {
  for (int number = from; number < to; number++) {
    step(slot, number);
    if (number % 8 == 0) meet(slot.number, arguments_.threads);
  }
}

uint64_t Torture::run() {
  install_signal_handler();
  block_timer_signal();
  for (int i = 0; i < arguments_.threads; i++) {
    slots_[size_t(i)].number = i;
    slots_[size_t(i)].hash = mix(arguments_.seed, uint64_t(i));
    slots_[size_t(i)].random.seed(arguments_.seed * 1'000'003 + uint64_t(i));
  }
  open_files();
  for (Echo& echo : echoes_) echo.start();
  uint64_t hash = arguments_.seed;
  std::thread ticker([&] { hash = mix(hash, work_in_timer_handler(kTicks)); });
  for (int life = 0; life < kLives; life++) {
    int from = arguments_.steps * life / kLives, to = arguments_.steps * (life + 1) / kLives;
    std::vector<std::thread> threads;
    for (Slot& slot : slots_)
      threads.emplace_back([this, &slot, from, to] { live(slot, from, to); });
    for (std::thread& thread : threads) thread.join();
  }
  ticker.join();
  for (Echo& echo : echoes_) echo.stop();
  TORTURE_EXPECT(threads_alive() == 0);
  for (Slot& slot : slots_) {
    hash = mix(hash, slot.hash);
    if (slot.file != nullptr) TORTURE_EXPECT(fclose(slot.file) == 0);
    for (Patterned& block : slot.blocks) {
      block.check(block.size);
      free(block.bytes);
    }
  }
  TORTURE_EXPECT(fclose(log_) == 0);
  return hash;
}

int begin() {
#ifndef TORTURE_PLAIN
  if (crinit(nullptr) != 0 || restore() < 0) {
    fprintf(stderr, "torture: %s\n", crerror());
    return 1;
  }
#endif
  return 0;
}

}  // namespace
}  // namespace torture

int main(int count, char** values) {
  if (count != 5) {
    fprintf(stderr, "usage: torture THREADS STEPS SEED FOLDER\n");
    return 64;
  }
  torture::Arguments arguments{atoi(values[1]), atoi(values[2]), strtoull(values[3], nullptr, 10),
                               values[4]};
  if (torture::begin() != 0) return 1;
  uint64_t hash = torture::Torture(arguments).run();
  printf("checksum %016llx\n", static_cast<unsigned long long>(hash));
  return 0;
}
