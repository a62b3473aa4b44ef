// What a learned decision costs, how fast networks train, and how many frames of a game a level
// takes to learn, with checkpoints and without.
//
// usage: learn_bench [--quick]                 prints a row of JSON a measurement
#include <belay/autonomize.h>
#include <dlfcn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "row.h"

#ifndef BELAY_TORCH_PEER
#define BELAY_TORCH_PEER ""  // no libtorch here
#endif

namespace {

using namespace belay::bench;

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

std::string models_folder() {
  char folder[] = "/tmp/belay-learn-bench-XXXXXX";
  return mkdtemp(folder);
}

std::string self() { return "/proc/" + std::to_string(getpid()) + "/exe"; }

// The figures that a program with libtorch prints; none where it is not installed.
std::vector<double> torch_figures(const std::string& what, const std::string& command) {
  std::vector<double> figures;
  if (*BELAY_TORCH_PEER != 0) {
    FILE* pipe = popen(("OPENBLAS_NUM_THREADS=1 " + command).c_str(), "r");
    for (double value; fscanf(pipe, "%lf", &value) == 1;) figures.push_back(value);
    pclose(pipe);
  }
  if (figures.empty())
    fprintf(stderr, "%s: no libtorch (script/packages torch) to compare with\n", what.c_str());
  return figures;
}

// By libtorch alone: 32-64-64-4.
std::vector<double> torch_alone(const std::string& what, int rounds) {
  return torch_figures(what, BELAY_TORCH_PEER " " + what + " " + std::to_string(rounds));
}

// ---- In this process ----------------------------------------------------------------------------

// Eight features of four values, a decision by 32-64-64-4, and the decision back.
void measure_decisions(int rounds) {
  constexpr const char* kNames[8] = {"px", "py", "speed", "gap", "enemy", "wall", "lives", "time"};
  au_config("decider", AU_DNN, AU_ADAM, 64, 64);
  au_output("decider", "moves", 4, -1, 1, 0);
  std::vector<double> medians, tails, samples(20'000);
  for (int round = 0; round < rounds; round++) {
    for (size_t i = 0; i < samples.size(); i++) {
      std::array<float, 4> values{float(i % 7), float(i % 11), float(i % 13), 1};
      std::array<float, 4> moves;
      double start = now_us();
      for (const char* name : kNames) au_extract(name, values);
      au_NN("decider",
            au_serialize("seen", kNames[0], kNames[1], kNames[2], kNames[3], kNames[4], kNames[5],
                         kNames[6], kNames[7]),
            "moves");
      au_write_back("moves", moves);
      samples[i] = now_us() - start;
    }
    medians.push_back(quantile(samples, 0.5));
    tails.push_back(quantile(samples, 0.99));
  }
  // Of the network, and not the default of a model that can't be used.
  belay_au_stats stats;
  if (belay_au_get_stats("decider", &stats) != 0 || stats.fallbacks > 0) {
    fprintf(stderr, "learn_bench: the decisions were defaults\n");
    exit(1);
  }
  Peers p50, p99;  // of libtorch: the network alone, from 32 floats to 4
  if (auto torch = torch_alone("decide", rounds); torch.size() == 2)
    p50["libtorch, network alone"] = torch[0], p99["libtorch, network alone"] = torch[1];
  print_row("decision of 8 features by 32-64-64-4, p50", "us", medians, p50, 1);
  print_row("decision of 8 features by 32-64-64-4, p99", "us", tails, p99, 3);
}

// The model that decisions are then measured with, and the rate at which it learns.
// Samples a second of each round, of a model that has seen its examples.
std::vector<double> training_rates(const char* model, int batches, int batch, int rounds) {
  std::vector<double> rates;
  for (int round = 0; round < rounds; round++) {
    double start = now_us();
    belay_au_fit(model, uint64_t(batches));
    rates.push_back(batches * batch / (now_us() - start) * 1e6);
  }
  return rates;
}

void measure_training(int rounds) {
  au_config("trainee", AU_DNN, AU_ADAM, 64, 64);
  au_output("trainee", "target", 4, -1, 1, 0);
  au_set("trainee", "batch", 256);
  au_set("trainee", "batches_per_example", 0);
  std::array<float, 32> inputs;
  std::array<float, 4> target;
  for (int i = 0; i < 2000; i++) {
    for (size_t k = 0; k < inputs.size(); k++) inputs[k] = float((i * 7 + int(k) * 13) % 101);
    for (size_t k = 0; k < target.size(); k++) target[k] = float((i * 3 + int(k)) % 19) / 10 - 0.9f;
    au_extract("inputs", inputs);
    au_NN("trainee", "inputs", "target");
    au_write_back("target", target);
  }
  auto rates = training_rates("trainee", 500, 256, rounds);
  auto torch = torch_alone("train", rounds);
  Peers peers;
  if (!torch.empty()) peers["libtorch"] = torch[0];
  print_row("training of 32-64-64-4, batch 256, one core", "samples/s", rates, peers, 1e6, false);
  if (torch.empty()) return;
  for (double& rate : rates) rate /= torch[0];
  print_row("training of 32-64-64-4, batch 256, over libtorch's", "times", rates, {}, 2, false);
}

std::vector<double> convolution_rates(int rounds) {
  au_config("eye", AU_CNN, AU_ADAM, AU_CONV(16, 8, 4), AU_CONV(32, 4, 2), 256);
  au_output("eye", "sees", 4, -1, 1, 0);
  au_set("eye", "batches_per_example", 0);
  std::vector<float> picture(84 * 84 * 4);
  std::array<float, 4> moves{};
  for (size_t i = 0; i < 64; i++) {
    for (size_t k = 0; k < picture.size(); k++) picture[k] = float((i * 7 + k * 13) % 101);
    moves[i % 4] = float(i % 3) - 1;
    belay_au_extract_picture("picture", BELAY_AU_F32, 84, 84, 4, picture.data());
    au_NN("eye", "picture", "sees");
    au_write_back("sees", moves);
  }
  return training_rates("eye", 5, 32, rounds);
}

// The same model by both backends: the other's in a process of its own.
void measure_convolutions(bool quick) {
  auto rates = convolution_rates(quick ? 3 : 15);
  std::string models = models_folder();
  std::string other =
      "BELAY_AU_BACKEND=torch BELAY_AU_MODELS=" + models + " " + self() + (quick ? " --quick" : "");
  Peers peers;
  if (auto torch = torch_figures("convolutions", other); !torch.empty())
    peers["by libtorch"] = torch[0];
  print_row("training of 84x84x4, 2 convolutions, batch 32", "samples/s", rates, peers, 0, false);
  std::filesystem::remove_all(models);
}

// ---- Games: processes of their own --------------------------------------------------------------

struct Game {
  uint64_t games = 0, frames = 0;
  double won_percent = 0, points = 0;  // of the last 50 games
  double seconds = 0;
};

// Its last report and its processor time.
Game play(const std::string& game, const char* mode, const std::string& models, uint64_t seed,
          const std::string& options) {
  std::string command = std::string("BELAY_AU=") + mode + " BELAY_AU_MODELS=" + models +
                        " BELAY_AU_SET=" + game + ".seed=" + std::to_string(seed) +
                        " BELAY_LOG=0 " BELAY_GAMES "/" + game + " " + options;
  rusage before, after;
  getrusage(RUSAGE_CHILDREN, &before);
  FILE* pipe = popen(command.c_str(), "r");
  Game result;
  char line[256];
  while (fgets(line, sizeof line, pipe))
    sscanf(line, "games %lu frames %lu of the last %*u: %lf %% won, %lf", &result.games,
           &result.frames, &result.won_percent, &result.points);
  pclose(pipe);  // 1 where it was to win, and did not
  getrusage(RUSAGE_CHILDREN, &after);
  auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  result.seconds = seconds(after.ru_utime) - seconds(before.ru_utime);
  return result;
}

// Where the platformer's gaps are: what a runner behind one has come to, and where a player would
// save the game on the way there.
struct Obstacle {
  const char* name;
  int past;
  std::vector<int> saves;
};
const Obstacle kGaps[] = {{"the first gap", 23, {16}},
                          {"the second gap", 44, {16, 38}},
                          {"the third gap", 54, {16, 38, 48}},
                          {"the widest gap", 67, {16, 38, 48, 56}}};
// What chance alone passes less often is hard.
constexpr double kHardPercent = 5;

// How far each game of a player comes who presses keys by chance.
std::vector<int> places_by_chance(int games) {
  std::string command =
      "BELAY_AU=off " BELAY_GAMES "/platformer --json --games " + std::to_string(games);
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<int> places;
  char line[256];
  for (int place; fgets(line, sizeof line, pipe);) {
    const char* points = strstr(line, "\"points\": ");
    if (points && sscanf(points, "\"points\": %d", &place) == 1) places.push_back(place);
  }
  pclose(pipe);
  return places;
}

// Frames until the runner first passes, by the same learner with the same seed, when the player
// asks for a checkpoint in front of each gap and when it always starts from the beginning.
void measure_obstacle(const Obstacle& gap, double percent_by_chance, int seeds, double target) {
  std::vector<double> ratios, with, without;
  for (int seed = 1; seed <= seeds; seed++) {
    for (bool checkpoints : {false, true}) {
      std::string models = models_folder();
      std::string options = "--frames 1000000 --points " + std::to_string(gap.past);
      for (int place : gap.saves)
        if (checkpoints) options += " --checkpoint-at " + std::to_string(place);
      Game game = play("platformer", "train", models, uint64_t(seed), options);
      std::filesystem::remove_all(models);
      (checkpoints ? with : without).push_back(double(game.frames));
    }
    ratios.push_back(without.back() / with.back());
  }
  print_row("fewer frames to pass " + std::string(gap.name) + ", with checkpoints, " +
                std::to_string(seeds) + " seeds",
            "times", ratios,
            {{"frames with", quantile(with, 0.5)},
             {"frames without", quantile(without, 0.5)},
             {"% of games passed by chance", percent_by_chance}},
            target, false);
}

// The first obstacle, and the first hard one, have the target.
void measure_obstacles(bool quick) {
  auto places = places_by_chance(3000);
  bool hard_seen = false;
  for (const Obstacle& gap : kGaps) {
    auto passed = std::count_if(places.begin(), places.end(), [&](int x) { return x >= gap.past; });
    double percent = 100 * double(passed) / double(places.size());
    bool hard = percent < kHardPercent, counts = &gap == kGaps || (hard && !hard_seen);
    hard_seen |= hard;
    // Three seeds prove nothing.
    if (counts || !quick) measure_obstacle(gap, percent, quick ? 3 : 11, counts && !quick ? 3 : 0);
  }
}

// The games that a player is judged by, and how many of them it has to win.
constexpr const char* kExam = " --games 20 --seed 1000";
constexpr double kPassPercent = 80;

// Processor time of training until a level is solved: until what has been learned wins 80 % of the
// games of an exam, whose chance training has not seen; and how the players compare then.
void measure_level(const std::string& game, int seeds, double limit_s, double target_minutes) {
  std::vector<double> minutes, learned;
  for (int seed = 1; seed <= seeds; seed++) {
    std::string models = models_folder();
    double seconds = 0;
    Game exam;
    while (exam.won_percent < kPassPercent && seconds < limit_s) {
      seconds += play(game, "train", models, uint64_t(seed), "--frames 500000").seconds;
      exam = play(game, "deploy", models, uint64_t(seed), kExam);
    }
    std::filesystem::remove_all(models);
    if (exam.won_percent < kPassPercent)
      fprintf(stderr, "%s, seed %d: not solved in %.0f s of processor time\n", game.c_str(), seed,
              seconds);
    minutes.push_back(seconds / 60);
    learned.push_back(exam.points);
  }
  const std::string runs = ", " + std::to_string(seeds) + " seeds";
  print_row(game + ": 80 % of 20 games won, from scratch, one core" + runs, "min", minutes, {},
            target_minutes);
  auto baseline = [&](const std::string& player) {
    return play(game, "off", "/", 1, "--player " + player + kExam).points;
  };
  print_row(game + ": mean of 20 games by what has been learned" + runs, "points", learned,
            {{"random", baseline("random")}, {"hand-written", baseline("hand")}}, 0, false);
}

// Lines of a game's source that are there for learning, the #include among them.
void count_lines() {
  std::vector<double> counts;
  for (const char* game : {"breakout", "platformer"}) {
    std::ifstream source(std::string(BELAY_GAME_SOURCES "/") + game + ".cc");
    double count = 0;
    for (std::string line; std::getline(source, line);)
      count += line.find("au_") != line.npos || line.find("autonomize") != line.npos;
    counts.push_back(count);
  }
  print_row("lines to autonomize a game (the most)", "lines",
            {*std::max_element(counts.begin(), counts.end())}, {}, 10);
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  // Models of this process are to be trained, and then to decide: two processes, one folder.
  if (const char* mode = getenv("BELAY_AU"); mode == nullptr) {
    std::string models = models_folder();
    setenv("BELAY_AU_MODELS", models.c_str(), 1);
    for (const char* stage : {"train", "deploy"}) {
      setenv("BELAY_AU", stage, 1);
      if (system((self() + (quick ? " --quick" : "")).c_str()) != 0) return 1;
    }
    std::filesystem::remove_all(models);
    measure_obstacles(quick);
    count_lines();
    if (!quick) {
      measure_level("platformer", 5, 300, 30);
      measure_level("breakout", 5, 400, 5);
    }
    return 0;
  }
  if (getenv("BELAY_AU_BACKEND") != nullptr) {  // see measure_convolutions()
    double rate = quantile(convolution_rates(quick ? 3 : 15), 0.5);
    if (dlopen("libbelay_learn_torch.so.0", RTLD_NOLOAD | RTLD_LAZY)) printf("%f\n", rate);
  } else if (strcmp(belay_au_mode(), "train") == 0) {
    measure_training(quick ? 5 : 30);
    measure_convolutions(quick);
    au_config("decider", AU_DNN, AU_ADAM, 64, 64);
    au_output("decider", "moves", 4, -1, 1, 0);
    std::array<float, 32> seen{};
    std::array<float, 4> moves{};
    for (int i = 0; i < 200; i++) {
      seen[size_t(i) % 32] = float(i);
      au_extract("seen", seen);
      au_NN("decider", "seen", "moves");
      au_write_back("moves", moves);
    }
  } else {
    measure_decisions(quick ? 3 : 20);
  }
  return 0;
}
