// What the games have in common around their loops: options, a screen, who plays, a report.
#pragma once

#include <belay/autonomize.h>
#include <belay/savepoint.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

struct Options {
  explicit Options(const std::string& about) : app(about) {
    app.add_option("--frames", frames, "Play so many frames");
    app.add_option("--seed", seed, "Seed of the game's chance");
    app.add_option("--games", games, "Stop after so many games");
    app.add_option("--player", player,
                   "hand or random; learned: BELAY_AU=train or deploy, which take the keys anyway")
        ->check(CLI::IsMember({"hand", "random", "learned"}))
        ->check([](const std::string& player) {
          bool learned = player != "learned" || std::string_view(belay_au_mode()) != "off";
          return std::string(learned ? "" : "BELAY_AU is off");
        });
    app.add_flag("--watch", watch, "Show the game in the terminal, which knows 24-bit colours");
    app.add_flag("--window", window, "Show the game in a window; C asks for a checkpoint there");
#ifdef BELAY_HAS_FILM
    app.add_option("--film", film, "Write a PNG with pictures from the whole run");
#endif
    app.add_option("--wins", wins, "Stop when the last so many games were won");
    app.add_option("--points", points, "Stop as soon as a game has brought so many points");
    app.add_option("--checkpoint-at", checkpoints_at,
                   "Ask for a checkpoint, as a player who saves the game, at so many tiles or "
                   "bricks; several: at one after the other");
    app.add_flag("--json", json, "A line of JSON for each game");
  }
  // The key that the program itself would press; what is learned may take its place.
  int choose(int by_hand, int keys) {
    if (player == "hand") return by_hand;
    return std::uniform_int_distribution<int>(0, keys - 1)(chance);
  }

  // Whether that is all. A player saves where nothing can happen at once: where it is `safe`.
  bool has_come_to(int place, bool safe = true) {
    bool reached = false;
    for (; safe && !checkpoints_at.empty() && place >= checkpoints_at.front(); reached = true)
      checkpoints_at.erase(checkpoints_at.begin());
    if (reached) belay_au_request_checkpoint();
    return place >= points;
  }

  CLI::App app;
  uint64_t frames = UINT64_MAX, games = UINT64_MAX, seed = 1, wins = 0;
  int points = INT_MAX;
  std::vector<int> checkpoints_at;
  std::string player = "random", film;
  bool watch = false, window = false, json = false;
  std::mt19937 chance{7};
};

// Pictures of the game: in the terminal with --watch, in a window with --window, on file with
// --film.
class Screen {
 public:
  Screen(const Options& options, int width, int height);
  ~Screen();
  static uint32_t shade(int row) {
    constexpr uint32_t kShades[] = {0xd05050, 0xd09040, 0xc0c040, 0x50b050, 0x5080d0, 0x9060c0};
    return kShades[row % 6];
  }

  bool begin();  // whether this frame is seen by anybody
  void box(float x, float y, float width, float height, uint32_t colour);
  void end();

 private:
  struct Picture;
  std::unique_ptr<Picture> picture_;
};

// What is counted in all games, those that are taken back included: exempt memory holds it.
class Report {
 public:
  explicit Report(const Options& options)
      : wins_(options.wins),
        games_(options.games),
        points_(options.points),
        json_(options.json),
        kept_(belay_exempt_malloc(sizeof(Kept))) {
    new (kept_) Kept;
  }
  ~Report() { belay_exempt_free(kept_); }
  Report(const Report&) = delete;

  uint64_t frames() const { return kept().frames; }
  void frame() { kept().frames++; }

  // Returns whether the games are to end.
  bool game_over(bool won, int points) {
    Kept& all = kept();
    all.last[all.games++ % kLast] = {won, points};
    all.streak = won ? all.streak + 1 : 0;
    if (json_)
      std::printf("{\"game\": %llu, \"frames\": %llu, \"won\": %s, \"points\": %d}\n",
                  (unsigned long long)all.games, (unsigned long long)all.frames,
                  won ? "true" : "false", points);
    else if (all.games % kLast == 0)
      print();
    std::fflush(stdout);  // what is in the stream's buffer goes back with the program
    return (wins_ > 0 && all.streak >= wins_) || points >= points_ || all.games >= games_;
  }
  int finish() {
    if (!json_) print();
    return wins_ > 0 && kept().streak < wins_ ? 1 : 0;
  }

 private:
  static constexpr size_t kLast = 50;
  struct Game {
    bool won;
    int points;
  };
  struct Kept {
    uint64_t frames = 0, games = 0, streak = 0;
    Game last[kLast] = {};
  };
  Kept& kept() const { return *static_cast<Kept*>(kept_); }
  void print() const {
    const Kept& all = kept();
    size_t count = std::min<size_t>(kLast, all.games);
    double points = 0, won = 0;
    for (size_t i = 0; i < count; i++) points += all.last[i].points, won += all.last[i].won;
    std::printf("games %llu  frames %llu  of the last %zu: %.0f %% won, %.1f points\n",
                (unsigned long long)all.games, (unsigned long long)all.frames, count,
                100 * won / double(std::max<size_t>(1, count)),
                points / double(std::max<size_t>(1, count)));
  }

  uint64_t wins_, games_;
  int points_;
  bool json_;
  void* kept_;
};
