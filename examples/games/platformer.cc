// A platformer, played by hand-written rules, by chance, or by what it has learned.
#include "platformer.h"

#include <belay/autonomize.h>

#include "play.h"

static constexpr int kFramesPerKey = 4;  // as fast as people play
static constexpr float kTile = 12;       // pixels

// A player written by hand: runs, and jumps before gaps, walls and enemies.
static Platformer::Key run_and_jump(const Platformer& game) {
  auto ground = game.ground_ahead();
  auto enemy = game.enemy_ahead();
  bool gap = ground[1] > 2 || ground[2] > 2, wall = ground[1] < 0 || ground[2] < 0;
  bool danger = enemy[0] < 2.5f && std::abs(enemy[1]) < 2;
  bool rising = game.runner[3] < 0;
  return gap || wall || danger || rising ? Platformer::kRightUp : Platformer::kRight;
}

static void draw(const Platformer& game, Screen& screen) {
  float left = std::clamp(game.runner[0] - 8, 0.0f, float(Platformer::kColumns - 26));
  for (int row = 0; row < Platformer::kRows; row++)
    for (int column = 0; column < Platformer::kColumns; column++) {
      char tile = Platformer::kMap[row][size_t(column)];
      if (tile != '#' && tile != 'F') continue;
      screen.box((float(column) - left) * kTile, float(row) * kTile, kTile, kTile,
                 tile == 'F' ? 0xffe060 : 0x806040);
    }
  for (int i = 0; i < game.enemy_count; i++)
    screen.box((game.enemies[size_t(i)].x - left) * kTile + 1,
               game.enemies[size_t(i)].y * kTile + 2, kTile - 2, kTile - 2, 0xd05050);
  screen.box((game.runner[0] - left) * kTile, game.runner[1] * kTile, kTile * 0.8f, kTile,
             0xffffff);
}

int main(int argc, char** argv) {
  Options options("A platformer: reach the flag");
  CLI11_PARSE(options.app, argc, argv);
  Platformer game;
  Screen screen(options, int(26 * kTile), int(Platformer::kRows * kTile));
  Report report(options);
  au_config("platformer", AU_DNN, AU_QLEARN, 64, 64);
  au_choice("platformer", "key", 5, Platformer::kNone);

  float reward = 0;
  int key = Platformer::kNone;
  while (report.frames() < options.frames) {
    au_checkpoint();
    au_extract("runner", game.runner);
    au_extract("ground", game.ground_ahead());
    au_extract("enemy", game.enemy_ahead());
    key = options.choose(run_and_jump(game), 5);
    au_NN("platformer", au_serialize("seen", "runner", "ground", "enemy"), "key", reward,
          game.is_over());
    au_write_back("key", key);
    if (game.is_over()) {
      if (report.game_over(game.is_won, int(game.runner[0]))) break;
      if (au_restore() != 0) game.restart();
      reward = 0;
      continue;
    }
    reward = 0;
    for (int i = 0; i < kFramesPerKey && !game.is_over(); i++, report.frame()) {
      reward += game.move(Platformer::Key(key));
      if (screen.begin()) draw(game, screen);
      screen.end();
    }
    if (game.is_dead) reward -= 5;
    if (game.is_won) reward += 20;
    if (!game.is_over() && options.has_come_to(int(game.runner[0]), game.on_ground())) break;
  }
  return report.finish();
}
