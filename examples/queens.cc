// N queens that don't attack each other, by search: a placement that leads nowhere is undone by
// Belay. queens_by_hand.cc is the same with undo code.
#include "queens.h"

#include <belay/region.hpp>

#include "region_options.h"
#include "repeatable.h"

static uint64_t solutions;
static Checksum checksum;

// What is found is not undone with the queens that it was found with.
BELAY_KEEP static void found(const Board& board) {
  solutions++;
  checksum.add(board.queens().data(), board.queens().size());
}

// Stops at `wanted` solutions, and leaves the queens of the last one where they are.
static bool search(Board& board, uint64_t wanted) {
  int row = board.next_row();
  if (row == board.size()) {
    found(board);
    return solutions == wanted;
  }
  for (int column = 0; column < board.size(); column++) {
    if (!board.is_free(row, column)) continue;
    belay::undo_guard undo;
    if (board.place(row, column) && search(board, wanted)) {
      undo.keep();
      return true;
    }
  }
  return false;
}

int main(int argc, char** argv) {
  Arguments arguments(argc, argv, "usage: queens [--size N] [--solutions COUNT (0: all)]\n");
  int size = int(arguments.number("--size", 8, 1, 1000));
  uint64_t wanted = arguments.number("--solutions", 0, 0, UINT64_MAX);
  arguments.check();
  Board board(size);
  Stopwatch stopwatch;
  search(board, wanted);
  stopwatch.print();
  print_regions();
  std::printf("solutions %llu\n", (unsigned long long)solutions);
  checksum.add(board.queens().data(), board.queens().size()).print();
}
