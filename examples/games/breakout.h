// Breakout: its rules, in units of pixels and frames. Knows nothing of players, screens or
// learning.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>

class Breakout {
 public:
  enum Key { kLeft, kStay, kRight };
  static constexpr int kColumns = 10, kRows = 5, kBricks = kColumns * kRows;
  static constexpr float kWidth = 160, kHeight = 120, kPaddleWidth = 26, kPaddleY = 112;
  static constexpr float kPaddleSpeed = 2.5f, kBallSpeed = 2.2f, kBall = 3;
  static constexpr float kBrickWidth = kWidth / kColumns, kBrickHeight = 5, kBricksTop = 15;

  explicit Breakout(uint64_t seed) : chance(seed) { restart(); }

  void restart() {
    bricks.fill(1);
    bricks_left = kBricks;
    lives = 3;
    serve();
  }

  // One frame. What it brings: a point for a brick, minus one for a lost ball.
  float move(Key key) {
    paddle_x =
        std::clamp(paddle_x + kPaddleSpeed * float(key - kStay), 0.0f, kWidth - kPaddleWidth);
    ball[0] += ball[2];
    ball[1] += ball[3];
    bounce_off_walls();
    if (bounce_off_paddle()) return 0;
    if (hit_brick()) return 1;
    if (ball[1] <= kHeight) return 0;
    lives--;
    serve();
    return -1;
  }

  bool is_won() const { return bricks_left == 0; }
  bool is_over() const { return lives == 0 || is_won(); }

  float paddle_x = 0;           // its left end
  std::array<float, 4> ball{};  // place and speed
  std::array<int8_t, kBricks> bricks{};
  int bricks_left = 0, lives = 0;

 private:
  void serve() {
    paddle_x = (kWidth - kPaddleWidth) / 2;
    float angle = std::uniform_real_distribution<float>(-0.8f, 0.8f)(chance);
    ball = {kWidth / 2, kHeight / 2, kBallSpeed * std::sin(angle), kBallSpeed * std::cos(angle)};
  }

  void bounce_off_walls() {
    if (ball[0] < 0) ball[0] = -ball[0], ball[2] = -ball[2];
    if (ball[0] > kWidth) ball[0] = 2 * kWidth - ball[0], ball[2] = -ball[2];
    if (ball[1] < 0) ball[1] = -ball[1], ball[3] = -ball[3];
  }

  // Where it is hit decides where the ball goes, with a little chance so that no game is endless.
  bool bounce_off_paddle() {
    bool reaches = ball[3] > 0 && ball[1] >= kPaddleY && ball[1] - ball[3] < kPaddleY;
    float from_middle = (ball[0] - paddle_x - kPaddleWidth / 2) / (kPaddleWidth / 2);
    if (!reaches || std::abs(from_middle) > 1 + kBall / kPaddleWidth) return false;
    float angle = from_middle + std::uniform_real_distribution<float>(-0.1f, 0.1f)(chance);
    ball[2] = kBallSpeed * std::sin(angle);
    ball[3] = -kBallSpeed * std::cos(angle);
    return true;
  }

  bool hit_brick() {
    int column = std::min(int(ball[0] / kBrickWidth), kColumns - 1);
    int row = int(std::floor((ball[1] - kBricksTop) / kBrickHeight));
    if (row < 0 || row >= kRows || !bricks[size_t(row * kColumns + column)]) return false;
    bricks[size_t(row * kColumns + column)] = 0;
    bricks_left--;
    ball[3] = -ball[3];
    return true;
  }

  std::mt19937 chance;
};
