// A platformer that scrolls sideways: its rules, in tiles and frames. Knows nothing of players,
// screens or learning.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

class Platformer {
 public:
  enum Key { kLeft, kNone, kRight, kUp, kRightUp };
  // '#' ground, ' ' gap or air, 'e' an enemy that walks to and fro, 'F' the flag.
  static constexpr std::string_view kMap[] = {
      "                                                                                          ",
      "                                                                                          ",
      "                                                                                          ",
      "                                                                                          ",
      "                             ##                                                           ",
      "                        ##                     ##            ###                          ",
      "            e             ####        ##   ####       e    ##         e    ##   e      F  ",
      "##################  ####################  ########  #######       ##########  ############",
      "##################  ####################  ########  #######       ##########  ############",
  };
  static constexpr int kRows = std::size(kMap), kColumns = int(kMap[0].size());
  static constexpr float kRun = 0.12f, kJump = 0.34f, kGravity = 0.022f, kFall = 0.5f;
  static constexpr int kAhead = 8;  // columns that the player sees
  static constexpr float kBottomless = 5;

  Platformer() { restart(); }

  void restart() {
    runner = {2, 6, 0, 0};
    enemy_count = 0;
    for (int row = 0; row < kRows; row++)
      for (int column = 0; column < kColumns; column++)
        if (kMap[row][size_t(column)] == 'e')
          enemies[size_t(enemy_count++)] = {float(column), float(row), -0.03f};
    is_dead = is_won = false;
    frame = 0;
  }

  // One frame. What it brings: the way made to the right.
  float move(Key key) {
    float before = runner[0];
    frame++;
    run(key);
    fall(key);
    for (int i = 0; i < enemy_count; i++) walk(enemies[size_t(i)]);
    meet_enemies();
    if (runner[1] > kRows) is_dead = true;
    if (tile(runner[0] + 0.4f, runner[1]) == 'F') is_won = true;
    return runner[0] - before;
  }
  bool is_over() const { return is_dead || is_won || frame >= kFramesMax; }

  bool on_ground() const {
    return is_ground(runner[0] + 0.1f, runner[1] + 1.01f) ||
           is_ground(runner[0] + 0.7f, runner[1] + 1.01f);
  }
  // For each column from the runner's on: how far below the runner's feet the ground is.
  std::array<float, kAhead> ground_ahead() const {
    std::array<float, kAhead> result{};
    for (int i = 0; i < kAhead; i++) {
      int column = int(runner[0]) + i, row = std::max(0, int(runner[1]) - 2);
      while (row < kRows && !is_ground(float(column), float(row))) row++;
      result[size_t(i)] = row == kRows ? kBottomless : float(row) - runner[1] - 1;
    }
    return result;
  }
  // Of the nearest one ahead: distance and speed; far away when there is none.
  std::array<float, 3> enemy_ahead() const {
    std::array<float, 3> nearest{10, 0, 0};
    for (int i = 0; i < enemy_count; i++) {
      float away = enemies[size_t(i)].x - runner[0];
      if (away > -1 && away < nearest[0])
        nearest = {away, enemies[size_t(i)].y - runner[1], enemies[size_t(i)].speed};
    }
    return nearest;
  }

  struct Enemy {
    float x, y, speed;
  };
  static constexpr int kFramesMax = 3000;
  std::array<float, 4> runner{};  // place of the upper left corner, and speed
  std::array<Enemy, 16> enemies{};
  int enemy_count = 0, frame = 0;
  bool is_dead = false, is_won = false;

 private:
  static char tile(float x, float y) {
    int column = int(std::floor(x)), row = int(std::floor(y));
    if (column < 0 || column >= kColumns) return '#';
    return row < 0 || row >= kRows ? ' ' : kMap[row][size_t(column)];
  }
  static bool is_ground(float x, float y) { return tile(x, y) == '#'; }

  void run(Key key) {
    float wanted = key == kLeft ? -kRun : key == kRight || key == kRightUp ? kRun : 0;
    runner[2] += std::clamp(wanted - runner[2], -0.02f, 0.02f);
    float x = runner[0] + runner[2], side = x + (runner[2] > 0 ? 0.8f : 0);
    if (is_ground(side, runner[1] + 0.05f) || is_ground(side, runner[1] + 0.95f))
      runner[2] = 0;
    else
      runner[0] = x;
  }

  void fall(Key key) {
    if (on_ground() && runner[3] >= 0) {
      runner[3] = key == kUp || key == kRightUp ? -kJump : 0;
      if (runner[3] == 0) return;
    }
    runner[3] = std::min(runner[3] + kGravity, kFall);
    float y = runner[1] + runner[3], edge = runner[3] > 0 ? y + 1 : y;
    bool stops = is_ground(runner[0] + 0.1f, edge) || is_ground(runner[0] + 0.7f, edge);
    if (!stops) {
      runner[1] = y;
    } else {
      if (runner[3] > 0) runner[1] = std::floor(edge) - 1;
      runner[3] = 0;
    }
  }

  static void walk(Enemy& enemy) {
    float side = enemy.x + (enemy.speed > 0 ? 0.9f : 0) + enemy.speed;
    if (is_ground(side, enemy.y) || !is_ground(side, enemy.y + 1)) enemy.speed = -enemy.speed;
    enemy.x += enemy.speed;
  }

  // From above they are overcome, otherwise they are deadly.
  void meet_enemies() {
    for (int i = 0; i < enemy_count; i++) {
      Enemy& enemy = enemies[size_t(i)];
      bool meets = std::abs(enemy.x - runner[0]) < 0.75f && std::abs(enemy.y - runner[1]) < 0.9f;
      if (!meets) continue;
      if (runner[3] > 0.05f && runner[1] < enemy.y - 0.3f) {
        enemy = enemies[size_t(--enemy_count)];
        runner[3] = -0.2f;
      } else {
        is_dead = true;
      }
    }
  }
};
