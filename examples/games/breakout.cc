// Breakout, played by hand-written rules, by chance, or by what it has learned.
#include "breakout.h"

#include <belay/autonomize.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "play.h"

static constexpr int kFramesPerKey = 4;  // as fast as people play

// How far to the right of the paddle's middle the ball is.
static float from_paddle(const Breakout& game) {
  return game.ball[0] - game.paddle_x - Breakout::kPaddleWidth / 2;
}

// A player written by hand: under where the ball is.
static Breakout::Key follow_ball(const Breakout& game) {
  float away = from_paddle(game);
  return away < -4 ? Breakout::kLeft : away > 4 ? Breakout::kRight : Breakout::kStay;
}

static void draw(const Breakout& game, Screen& screen) {
  for (int i = 0; i < Breakout::kBricks; i++)
    if (game.bricks[size_t(i)])
      screen.box(float(i % Breakout::kColumns) * Breakout::kBrickWidth,
                 Breakout::kBricksTop + float(i / Breakout::kColumns) * Breakout::kBrickHeight,
                 Breakout::kBrickWidth - 1, Breakout::kBrickHeight - 1,
                 Screen::shade(i / Breakout::kColumns));
  screen.box(game.paddle_x, Breakout::kPaddleY, Breakout::kPaddleWidth, 3, 0xffffff);
  screen.box(game.ball[0] - 1, game.ball[1] - 1, Breakout::kBall, Breakout::kBall, 0xffe060);
}

int main(int argc, char** argv) {
  Options options("Breakout: clear the wall of bricks");
  CLI11_PARSE(options.app, argc, argv);
  Breakout game(options.seed);
  Screen screen(options, int(Breakout::kWidth), int(Breakout::kHeight));
  Report report(options);
  au_config("breakout", AU_DNN, AU_QLEARN, 64, 64);
  au_choice("breakout", "key", 3, Breakout::kStay);

  float reward = 0;
  int key = Breakout::kStay;
  while (report.frames() < options.frames) {
    au_checkpoint();
    au_extract("paddle", std::array{game.paddle_x, from_paddle(game)});
    au_extract("ball", game.ball);
    au_extract("bricks", game.bricks);
    key = options.choose(follow_ball(game), 3);
    au_NN("breakout", au_serialize("court", "paddle", "ball", "bricks"), "key", reward,
          game.is_over());
    au_write_back("key", key);
    if (game.is_over()) {
      if (report.game_over(game.is_won(), Breakout::kBricks - game.bricks_left)) break;
      if (au_restore() != 0) game.restart();
      reward = 0;
      continue;
    }
    reward = 0;
    for (int i = 0; i < kFramesPerKey && !game.is_over(); i++, report.frame()) {
      reward += game.move(Breakout::Key(key));
      if (screen.begin()) draw(game, screen);
      screen.end();
    }
    if (!game.is_over() && options.has_come_to(Breakout::kBricks - game.bricks_left)) break;
  }
  return report.finish();
}
