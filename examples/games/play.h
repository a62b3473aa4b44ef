// What the games have in common around their loops: options, a screen, who plays, a report.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <random>
#include <string>

struct Options {
  explicit Options(const std::string& about) : app(about) {
    app.add_option("--frames", frames, "Play so many frames");
    app.add_option("--seed", seed, "Seed of the game's chance");
    app.add_option("--player", player, "hand, random or keys; BELAY_AU=train or deploy: learned")
        ->check(CLI::IsMember({"hand", "random", "keys"}));
    app.add_flag("--watch", watch, "Show a window");
    app.add_option("--wins", wins, "Stop when the last so many games were won");
    app.add_option("--film", film, "Write a strip of pictures of the first game, as PNG");
    app.add_flag("--json", json, "A line of JSON for each game");
  }
  // The key that the program itself would press; what is learned may take its place.
  int choose(int by_hand, int pressed, int keys) {
    if (player == "keys") return pressed;
    if (player == "hand") return by_hand;
    return std::uniform_int_distribution<int>(0, keys - 1)(chance);
  }

  CLI::App app;
  uint64_t frames = UINT64_MAX, seed = 1, wins = 0;
  std::string player = "random", film;
  bool watch = false, json = false;
  std::mt19937 chance{7};
};

// A window by SDL2 where it was built with it, pictures for a film, or nothing at all.
class Screen {
 public:
  Screen(const Options& options, int width, int height);
  ~Screen();
  static uint32_t shade(int row) {
    constexpr uint32_t kShades[] = {0xd05050, 0xd09040, 0xc0c040, 0x50b050, 0x5080d0, 0x9060c0};
    return kShades[row % 6];
  }

  bool is_open() const { return open_; }
  int key() const { return key_; }  // that is held: 0 left, 1 none, 2 right, 3 up, 4 right and up
  bool begin();                     // whether this frame is seen by anybody
  void box(float x, float y, float width, float height, uint32_t colour);
  void end();

 private:
  struct Window;
  std::unique_ptr<Window> window_;
  bool open_ = true;
  int key_ = 1;
};

class Report {
 public:
  explicit Report(const Options& options) : options_(options) {}

  // Returns whether the games are to end.
  bool game_over(bool won, int points) {
    games_++;
    won_.push_back(won);
    points_.push_back(points);
    if (won_.size() > kKept) won_.pop_front(), points_.pop_front();
    streak_ = won ? streak_ + 1 : 0;
    if (options_.json)
      std::printf("{\"game\": %llu, \"frames\": %llu, \"won\": %s, \"points\": %d}\n",
                  (unsigned long long)games_, (unsigned long long)frames, won ? "true" : "false",
                  points);
    else if (games_ % 50 == 0)
      print();
    return options_.wins > 0 && streak_ >= options_.wins;
  }
  int finish() {
    if (!options_.json) print();
    return options_.wins > 0 && streak_ < options_.wins ? 1 : 0;
  }

  uint64_t frames = 0;

 private:
  static constexpr size_t kKept = 50;
  void print() const {
    double points = 0, won = 0, count = double(std::max<size_t>(1, won_.size()));
    for (bool one : won_) won += one;
    for (int one : points_) points += one;
    std::printf("games %llu  frames %llu  of the last %zu: %.0f %% won, %.1f points\n",
                (unsigned long long)games_, (unsigned long long)frames, won_.size(),
                100 * won / count, points / count);
    std::fflush(stdout);
  }

  const Options& options_;
  uint64_t games_ = 0, streak_ = 0;
  std::deque<bool> won_;
  std::deque<int> points_;
};
