// A chess board on which queens are placed row by row, the most constrained row first. Each square
// counts the queens that attack it, each row its squares that none does: a placement writes some
// four words for each row that is left, which is what has to be undone when it leads nowhere.
#pragma once

#include <cstddef>
#include <vector>

class Board {
 public:
  explicit Board(int n) : n_(n), queen_(n, kNone), free_(n, n), attackers_(std::size_t(n) * n) {}

  int size() const { return n_; }
  const std::vector<int>& queens() const { return queen_; }
  bool is_free(int row, int column) const { return attackers_[at(row, column)] == 0; }

  // The empty row with the fewest free squares, or size() if all have their queen.
  int next_row() const {
    int best = n_, fewest = n_ + 1;
    for (int row = 0; row < n_; row++) {
      if (queen_[row] != kNone || free_[row] >= fewest) continue;
      best = row;
      fewest = free_[row];
    }
    return best;
  }

  // False if an empty row is left without a free square.
  bool place(int row, int column) {
    queen_[row] = column;
    bool possible = true;
    for (int other = 0; other < n_; other++) {
      if (queen_[other] != kNone) continue;
      int distance = other - row;
      attack(other, column);
      attack(other, column - distance);
      attack(other, column + distance);
      possible &= free_[other] > 0;
    }
    return possible;
  }

 protected:
  static constexpr int kNone = -1;

  std::size_t at(int row, int column) const { return std::size_t(row) * n_ + column; }
  bool on_board(int column) const { return column >= 0 && column < n_; }
  void attack(int row, int column) {
    if (on_board(column) && attackers_[at(row, column)]++ == 0) free_[row]--;
  }

  int n_;
  std::vector<int> queen_;  // the column of each row's, or kNone
  std::vector<int> free_;   // squares of each row that no queen attacks
  std::vector<int> attackers_;
};

// What a placement takes to be undone by hand.
class BoardWithUndo : public Board {
 public:
  using Board::Board;

  void remove(int row, int column) {
    for (int other = 0; other < n_; other++) {
      if (queen_[other] != kNone) continue;
      int distance = other - row;
      release(other, column);
      release(other, column - distance);
      release(other, column + distance);
    }
    queen_[row] = kNone;
  }

 private:
  void release(int row, int column) {
    if (on_board(column) && --attackers_[at(row, column)] == 0) free_[row]++;
  }
};
