// queens.cc without Belay: what undoes a placement is written by hand.
#include "queens.h"
#include "region_options.h"
#include "repeatable.h"

static uint64_t solutions;
static Checksum checksum;

static bool search(BoardWithUndo& board, uint64_t wanted) {
  int row = board.next_row();
  if (row == board.size()) {
    solutions++;
    checksum.add(board.queens().data(), board.queens().size());
    return solutions == wanted;
  }
  for (int column = 0; column < board.size(); column++) {
    if (!board.is_free(row, column)) continue;
    if (board.place(row, column) && search(board, wanted)) return true;
    board.remove(row, column);
  }
  return false;
}

int main(int argc, char** argv) {
  Arguments arguments(argc, argv,
                      "usage: queens_by_hand [--size N] [--solutions COUNT (0: all)]\n");
  int size = int(arguments.number("--size", 8, 1, 1000));
  uint64_t wanted = arguments.number("--solutions", 0, 0, UINT64_MAX);
  arguments.check();
  BoardWithUndo board(size);
  Stopwatch stopwatch;
  search(board, wanted);
  stopwatch.print();
  std::printf("solutions %llu\n", (unsigned long long)solutions);
  checksum.add(board.queens().data(), board.queens().size()).print();
}
