// A puzzle that changes its state as it likes and knows no undo: take a group of two or more
// neighbours of one colour off the board; what is above falls, empty columns close up. A group of n
// scores (n - 2)^2, an empty board 1000.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "repeatable.h"

class CollapseGame {
 public:
  CollapseGame(int width, int height, int colours, uint64_t seed) {
    Random random(seed);
    for (int x = 0; x < width; x++) {
      columns_.emplace_back();
      for (int y = 0; y < height; y++)
        columns_.back().push_back(char('a' + random.below(uint64_t(colours))));
    }
  }

  struct Move {
    int x, y;
  };

  // One of each group.
  std::vector<Move> moves() const {
    std::vector<std::string> seen = columns_;
    std::vector<Move> found;
    for (int x = 0; x < width(); x++)
      for (int y = 0; y < int(columns_[x].size()); y++)
        if (seen[x][y] != ' ' && flood(seen, x, y, seen[x][y]) > 1) found.push_back({x, y});
    return found;
  }

  void play(Move move) {
    int size = flood(columns_, move.x, move.y, columns_[move.x][move.y]);
    for (std::string& column : columns_) std::erase(column, ' ');
    std::erase(columns_, std::string());
    score_ += (size - 2) * (size - 2);
    history_ += std::to_string(move.x) + "," + std::to_string(move.y) + " ";
    if (columns_.empty()) score_ += 1000;
  }

  int stones() const {
    int count = 0;
    for (const std::string& column : columns_) count += int(column.size());
    return count;
  }
  // Colours of which one stone is left can never go.
  int lonely() const {
    int counts[26] = {}, lonely = 0;
    for (const std::string& column : columns_)
      for (char colour : column) counts[colour - 'a']++;
    for (int count : counts) lonely += count == 1;
    return lonely;
  }
  int score() const { return score_; }
  const std::string& history() const { return history_; }

 private:
  int width() const { return int(columns_.size()); }

  // Blanks the group at x, y and returns its size.
  static int flood(std::vector<std::string>& board, int x, int y, char colour) {
    if (x < 0 || x >= int(board.size()) || y < 0 || y >= int(board[x].size())) return 0;
    if (board[x][y] != colour) return 0;
    board[x][y] = ' ';
    return 1 + flood(board, x - 1, y, colour) + flood(board, x + 1, y, colour) +
           flood(board, x, y - 1, colour) + flood(board, x, y + 1, colour);
  }

  std::vector<std::string> columns_;
  int score_ = 0;
  std::string history_;
};
