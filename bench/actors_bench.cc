// What several processes bring that train one model, and what their messages cost the server.
//
// usage: actors_bench [--quick]                 prints a row of JSON a measurement
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "bench_server.h"
#include "learn/exchange.h"
#include "row.h"
#include "server/link.h"

namespace {

using namespace belay;
using namespace belay::bench;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Decisions a second of `belay train`; 0 actors: all in one process.
double training_rate(size_t actors, double seconds, const std::string& program) {
  char folder[] = "/tmp/belay-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) give_up("no folder in /tmp");
  std::string command = fmt::format(
      "{} train --json {} --until minutes={} --models {} -- {} 2>/dev/null", BELAY_COMMAND,
      actors == 0 ? "" : fmt::format("--actors {}", actors), seconds / 60, folder, program);
  FILE* training = popen(command.c_str(), "r");
  double decisions = 0, took = 0;
  char line[512];
  while (training != nullptr && fgets(line, sizeof line, training) != nullptr) {
    (void)sscanf(line, " \"decisions\": %lf", &decisions);
    (void)sscanf(line, " \"seconds\": %lf", &took);
  }
  if (training == nullptr || pclose(training) != 0 || took <= 0) give_up(command + " failed");
  std::filesystem::remove_all(folder);
  return decisions / took;
}

void measure_training(const std::string& name, const std::string& program, double seconds,
                      int rounds) {
  constexpr size_t kActors[] = {0, 1, 2, 4};
  std::vector<double> rates[std::size(kActors)];
  for (int round = 0; round < rounds; round++)
    for (size_t i = 0; i < std::size(kActors); i++)
      rates[i].push_back(training_rate(kActors[i], seconds, program));
  for (size_t i = 1; i < std::size(kActors); i++) {
    Peers peers = {{"one process", quantile(rates[0], 0.5)}};
    if (i > 1) peers["1 actor"] = quantile(rates[1], 0.5);
    print_row(
        fmt::format("{}, {} actor{} and a learner: decisions", name, kActors[i], i > 1 ? "s" : ""),
        "1/s", rates[i], peers, 0, false);
  }
}

// ---- Messages alone -----------------------------------------------------------------------------

constexpr size_t kMessageBytes = 64 << 10;  // as actors send them
constexpr size_t kWeightsBytes = 40 << 10;  // of the games' models

void greet(Link& link, const std::string& name) {
  require(link.connect(fmt::format("name={}\ndriver=none\ninstance=i\n", name)));
}

// Sends as fast as it gets answers, until the server is gone.
void send_for_ever(const std::string& address, const std::string& name) {
  Link link(address.c_str());
  greet(link, name);
  std::vector<std::byte> message(kMessageBytes), weights(kWeightsBytes);
  for (;;) {
    auto reply = link.ask(FrameType::kExp, 0, "m", message);
    if (!reply || (reply->type == FrameType::kWts && !link.read_body(weights))) return;
  }
}

void measure_messages(double seconds, int rounds) {
  constexpr int kSenders = 2;
  std::vector<double> rates;
  for (int round = 0; round < rounds; round++) {
    std::vector<std::thread> senders;
    {
      ServerProcess server;
      Link link(("unix:" + server.socket()).c_str());
      greet(link, "learner");
      std::vector<std::byte> weights(kWeightsBytes), message(kMessageBytes);
      require(link.ask(FrameType::kWts, 0, "m", weights));
      for (int i = 0; i < kSenders; i++)
        senders.emplace_back(send_for_ever, "unix:" + server.socket(), fmt::format("a{}", i));
      auto start = Clock::now();
      size_t messages = 0;
      for (; seconds_since(start) < seconds; messages++) {
        Reply reply = require(link.ask(FrameType::kGet, 0, ":experience", ""));
        message.resize(reply.body_bytes);
        require(link.read_body(message));
        if (messages % 16 == 0) require(link.ask(FrameType::kWts, 0, "m", weights));
      }
      rates.push_back(double(messages) / seconds_since(start));
    }
    for (std::thread& sender : senders) sender.join();
  }
  print_row("experience through the server, 64 KiB each, 2 actors: messages", "1/s", rates, {}, 0,
            false);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  double seconds = quick ? 0.5 : 4;
  int rounds = quick ? 2 : 5;
  measure_messages(quick ? 0.5 : 2, rounds);
  measure_training("platformer", BELAY_PLATFORMER, seconds, rounds);
  measure_training("game of 200 us a decision", BELAY_PLAYER " 200", seconds, rounds);
  return 0;
}
