// What the checkpoint server costs: requests of many clients, files, au_restore() of a program.
//
// usage: server_bench [--quick]                 prints a row of JSON a measurement
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>

#include "bench_server.h"
#include "row.h"
#include "server/link.h"
#include "server/protocol.h"
#include "server/server.h"
#include "server/state_folder.h"

namespace {

using namespace belay;
using namespace belay::bench;

constexpr size_t kClients = 1000;
constexpr double kPacedPerSecond = 50'000;
constexpr size_t kModelBytes = 100 << 20;

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

std::string hello(const std::string& name) {
  return fmt::format("name={}\ndriver=savepoint\ninstance=i\n", name);
}

// ---- Many clients -------------------------------------------------------------------------------

// Clients that each wait for an answer before they ask again; one thread plays them all.
class Crowd {
 public:
  explicit Crowd(const std::string& path) : epoll_(epoll_create1(0)), asked_us_(kClients) {
    for (size_t i = 0; i < kClients; i++) {
      sockaddr_un name{.sun_family = AF_UNIX};
      strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
      int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
      if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
        give_up("cannot connect a thousand times");
      std::string frame = encode_frame(FrameType::kSet, 0, ":client", hello(fmt::format("c{}", i)));
      char answer[64];
      if (write(fd, frame.data(), frame.size()) < 0 || read(fd, answer, sizeof answer) <= 0)
        give_up("not greeted");
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      fds_.push_back(fd);
    }
  }
  ~Crowd() {
    for (int fd : fds_) close(fd);
    close(epoll_);
  }

  // Requests a second while every client always waits for an answer.
  double rate(double seconds) {
    double start = now_us();
    size_t answers = 0;
    for (size_t i = 0; i < kClients; i++) ask(i);
    while (now_us() - start < seconds * 1e6)
      answers += collect(10, [this](size_t client) { ask(client); });
    double took_us = now_us() - start;
    for (size_t left = kClients; left != 0;) left -= collect(1000, [](size_t) {});
    return double(answers) / took_us * 1e6;
  }

  // How long requests take at a given rate, from when they were due: a queue in front of a client
  // that is still waiting counts.
  std::vector<double> latencies(double per_second, double seconds) {
    std::vector<double> taken;
    taken_ = &taken;
    double start = now_us(), due = start, step = 1e6 / per_second;
    size_t next = 0, waiting = 0;
    while (now_us() - start < seconds * 1e6) {
      for (; due <= now_us() && waiting < kClients; due += step, waiting++) {
        ask(next);
        asked_us_[next] = due;
        next = (next + 1) % kClients;
      }
      waiting -= collect(0, [this](size_t client) { note(client); });
    }
    while (waiting != 0) waiting -= collect(1000, [this](size_t client) { note(client); });
    return taken;
  }

 private:
  void ask(size_t client) {
    if (write(fds_[client], ckp_.data(), ckp_.size()) != ssize_t(ckp_.size()))
      give_up("a request could not be sent");
  }
  void note(size_t client) { taken_->push_back(now_us() - asked_us_[client]); }
  template <class Then>
  size_t collect(int timeout_ms, Then then) {
    epoll_event events[256];
    int count = epoll_wait(epoll_, events, 256, timeout_ms);
    for (int i = 0; i < count; i++) {
      char answer[64];
      if (read(fds_[events[i].data.u64], answer, sizeof answer) < 32) give_up("no answer");
      then(events[i].data.u64);
    }
    return size_t(std::max(count, 0));
  }

  int epoll_;
  std::vector<int> fds_;
  std::vector<double> asked_us_;
  std::vector<double>* taken_ = nullptr;
  const std::string ckp_ = encode_frame(FrameType::kCkp, 0, "", "");
};

void measure_crowd(double seconds, int rounds) {
  rlimit limit{4096, 4096};
  setrlimit(RLIMIT_NOFILE, &limit);
  ServerProcess server;
  Crowd crowd(server.socket());
  std::vector<double> rates, tails;
  for (int i = 0; i < rounds; i++) {
    rates.push_back(crowd.rate(seconds));
    tails.push_back(quantile(crowd.latencies(kPacedPerSecond, seconds), 0.99) / 1000);
  }
  print_row("1000 clients, Unix socket: CKP answered", "1/s", rates, {}, kPacedPerSecond, false);
  print_row("1000 clients, 50000 CKP/s: answer, p99", "ms", tails, {}, 5);
}

// ---- Files --------------------------------------------------------------------------------------

void measure_files(int rounds) {
  ServerProcess server;
  Link link(("unix:" + server.socket()).c_str());
  require(link.connect(hello("files")));
  std::vector<std::byte> model(kModelBytes);
  std::mt19937_64 random(1);
  for (size_t i = 0; i + 8 <= model.size(); i += 8) {
    uint64_t word = random();
    memcpy(&model[i], &word, 8);
  }
  std::vector<double> set, get, disk;
  for (int i = 0; i < rounds; i++) {
    double start = now_us();
    Reply reply = require(link.ask(FrameType::kSet, 0, "m.model", model));
    if (reply.type != FrameType::kYes) give_up(std::string(reply.text));
    set.push_back(double(model.size()) / (now_us() - start) / 1e3);
    start = now_us();
    reply = require(link.ask(FrameType::kGet, 0, "m.model", ""));
    require(link.read_body(model));
    get.push_back(double(model.size()) / (now_us() - start) / 1e3);
    // What the disk alone takes for the same durable file.
    start = now_us();
    IncomingFile file;
    require(file.open(real_os(), server.folder(), "peer", 1));
    require(file.append(model));
    require(file.commit());
    disk.push_back(double(model.size()) / (now_us() - start) / 1e3);
  }
  print_row("SET of a 100 MiB model, durable", "GB/s", set,
            {{"write and sync alone", quantile(disk, 0.5)}}, 2, false);
  print_row("GET of a 100 MiB model", "GB/s", get, {}, 2, false);
}

// ---- au_restore() -------------------------------------------------------------------------------

double played_us(const std::string& address, size_t pages, int rounds) {
  std::string command =
      fmt::format("BELAY_AU=train {} {} {} {}", address.empty() ? "" : "BELAY_AU_SERVER=" + address,
                  BELAY_PLAYER, pages, rounds);
  FILE* player = popen(command.c_str(), "r");
  double median = 0;
  if (player == nullptr || fscanf(player, "%lf", &median) != 1) give_up("the player failed");
  pclose(player);
  return median;
}

void measure_restores(int rounds, int repeats) {
  ServerProcess server;
  for (size_t pages : {50, 1000}) {
    std::vector<double> served, alone;
    for (int i = 0; i < rounds; i++) {
      served.push_back(played_us("unix:" + server.socket(), pages, repeats));
      alone.push_back(played_us("", pages, repeats));
    }
    print_row(fmt::format("au_restore() by savepoint, server asked, {} dirty pages", pages), "us",
              served, {{"without a server", quantile(alone, 0.5)}});
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  measure_crowd(quick ? 0.5 : 2, quick ? 3 : 7);
  measure_files(quick ? 3 : 9);
  measure_restores(quick ? 3 : 7, quick ? 200 : 1000);
  return 0;
}
