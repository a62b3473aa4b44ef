// A best-first search through a puzzle that has no undo. A node of the tree is a savepoint of the
// whole program; what the search knows of the tree is in exempt memory.
#include <algorithm>
#include <belay/belay.hpp>
#include <cstdio>

#include "collapse_game.h"
#include "region_options.h"

namespace {

struct Node {
  int promise;
  uint64_t order;  // of two that are as good, the younger: it is deeper
  belay_savepoint_t here;
  bool operator<(const Node& other) const {
    return promise != other.promise ? promise < other.promise : order < other.order;
  }
};

// Outlives every rollback.
struct Search {
  std::vector<Node, belay::exempt_allocator<Node>> open;  // a heap
  std::basic_string<char, std::char_traits<char>, belay::exempt_allocator<char>> best_history;
  int best_score = -1;
  uint64_t nodes = 0, nodes_max = 0;
  // The node at hand, and which of its moves is next.
  belay_savepoint_t node = 0;
  int next_move = 0;
};

int promise_of(const CollapseGame& game) {
  return game.score() - 10 * game.stones() - 100 * game.lonely();
}

void note(Search& search, const CollapseGame& game) {
  if (game.score() <= search.best_score) return;
  search.best_score = game.score();
  search.best_history.assign(game.history().data(), game.history().size());
}

// Makes the position at hand a node. Returns here, with 1 + the move to play, each time that the
// search comes to it.
int enter(Search& search, const CollapseGame& game) {
  belay_savepoint_t here;
  int came = belay_savepoint(&here);
  if (came < 0) throw belay::error(errno, belay_crerror());
  if (came > 0) return came;
  search.open.push_back({promise_of(game), search.nodes++, here});
  std::push_heap(search.open.begin(), search.open.end());
  return 0;
}

// To the next move of the node at hand, or of the most promising one. False when there is none.
void go_on(Search& search) {
  if (search.node == 0) {
    if (search.open.empty() || search.nodes >= search.nodes_max) return;
    std::pop_heap(search.open.begin(), search.open.end());
    search.node = search.open.back().here;
    search.open.pop_back();
    search.next_move = 0;
  }
  belay_rollback_to(search.node, 1 + search.next_move++);
  throw belay::error(errno, belay_crerror());
}

// Plays on from one position to the next; everything here is undone again and again.
void explore(Search& search, CollapseGame& game) {
  for (;;) {
    int came = enter(search, game);
    if (came == 0) {
      note(search, game);
      go_on(search);
      return;
    }
    auto moves = game.moves();
    if (came > int(moves.size())) {  // all of this node's have been played
      belay_release_savepoint(search.node);
      search.node = 0;
      go_on(search);
      return;
    }
    game.play(moves[size_t(came) - 1]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments(argc, argv,
                      "usage: collapse [--width N] [--height N] [--colours N] [--nodes N] "
                      "[--seed N]\n");
  int width = int(arguments.number("--width", 10, 2, 50));
  int height = int(arguments.number("--height", 8, 2, 50));
  int colours = int(arguments.number("--colours", 4, 2, 26));
  auto& search = belay::make_exempt<Search>();
  search.nodes_max = arguments.number("--nodes", 2000, 2, 1'000'000);
  uint64_t seed = arguments.number("--seed", 1, 0, UINT64_MAX);
  arguments.check();
  CollapseGame game(width, height, colours, seed);
  Stopwatch stopwatch;
  explore(search, game);
  stopwatch.print();

  struct belay_savepoint_statistics figures;
  belay_savepoint_statistics(&figures);
  std::fprintf(stderr, "savepoints %llu rollbacks %llu live %llu bytes %llu\n",
               (unsigned long long)figures.taken, (unsigned long long)figures.rollbacks,
               (unsigned long long)figures.live, (unsigned long long)figures.bytes);
  // Played once more from the start, the best line comes to the same.
  CollapseGame again(width, height, colours, seed);
  Checksum checksum;
  for (const char* at = search.best_history.c_str(); *at != '\0'; at++) {
    CollapseGame::Move move{};
    int length = 0;
    std::sscanf(at, "%d,%d%n", &move.x, &move.y, &length);
    again.play(move);
    at += length;
  }
  std::printf("score %d, %d of %d stones left\n", again.score(), again.stones(), width * height);
  if (again.score() != search.best_score) return std::puts("the best line is another"), 1;
  checksum.add(search.best_history.data(), search.best_history.size()).print();
}
