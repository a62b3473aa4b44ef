// The shortest tour, proved: depth-first search that drops what can't beat the best tour known.
#pragma once

#include <atomic>

#include "map.h"

class BranchAndBound {
 public:
  static constexpr int kPlacesMax = 32;

  // `start`: a good tour, which makes the bound sharp from the beginning.
  BranchAndBound(const Map& map, const crvector<int>& start, int threads)
      : n_(map.size()), threads_(threads), distance_(n_ * n_), best_metres_(0), best_(threads) {
    for (int i = 0; i < n_ * n_; i++) distance_[i] = map.metres(i / n_, i % n_);
    for (int i = 0; i < n_; i++) best_metres_ += metres(start[i], start[(i + 1) % n_]);
  }

  // Thread t's part of the search: every threads-th choice of the second and third place.
  void search(int t) {
    Path path = {.best = &best_[t]};
    int choice = 0;
    for (int second = 1; second < n_; second++) {
      for (int third = 1; third < n_; third++) {
        if (third == second || choice++ % threads_ != t) continue;
        path.count = 1;
        path.visited = 1;
        path.metres = 0;
        path.push(second, metres(0, second));
        path.push(third, metres(second, third));
        extend(path);
      }
    }
  }

  // Call when all parts have been searched. The first of the shortest tours in the order of their
  // places, since which thread finds one first depends on the scheduler.
  crvector<int> result() const {
    crvector<int> best;
    for (const Found& found : best_) {
      if (found.order.empty() || found.metres > best_metres_) continue;
      if (best.empty() || found.order < best) best = found.order;
    }
    return best;
  }

 private:
  struct Found {
    int64_t metres = 0;
    crvector<int> order;
  };

  struct Path {
    Found* best;
    int count = 1;
    uint32_t visited = 1;
    int64_t metres = 0;
    int order[kPlacesMax] = {};

    void push(int place, int64_t leg) {
      order[count++] = place;
      visited |= 1u << place;
      metres += leg;
    }
    void pop(int64_t leg) {
      visited &= ~(1u << order[--count]);
      metres -= leg;
    }
  };

  int64_t metres(int a, int b) const { return distance_[a * n_ + b]; }

  void extend(Path& path) {
    int last = path.order[path.count - 1];
    if (path.count == n_) return finish(path, path.metres + metres(last, 0));
    // Equals are kept: dropping them would make the result depend on who came first.
    if (path.metres + rest_at_least(path, last) > best_metres_.load(std::memory_order_relaxed))
      return;
    for (int place = 1; place < n_; place++) {
      if (path.visited >> place & 1) continue;
      path.push(place, metres(last, place));
      extend(path);
      path.pop(metres(last, place));
    }
  }

  void finish(const Path& path, int64_t length) {
    if (path.order[1] > path.order[n_ - 1]) return;  // the same tour backwards
    int64_t best = best_metres_.load();
    while (length < best && !best_metres_.compare_exchange_weak(best, length)) {
    }
    if (length > best) return;
    crvector<int> order(path.order, path.order + n_);
    Found& mine = *path.best;
    if (mine.order.empty() || length < mine.metres ||
        (length == mine.metres && order < mine.order)) {
      mine = {length, order};
    }
  }

  // What is left of the tour is a path from `last` through all other places to the first one: no
  // shorter than the minimum spanning tree of them all (Held and Karp, 1970; Prim, 1957).
  int64_t rest_at_least(const Path& path, int last) const {
    int64_t nearest[kPlacesMax];
    uint32_t outside = ((n_ == 32 ? 0 : 1u << n_) - 1) & ~path.visited;
    outside |= 1;
    for (uint32_t set = outside; set; set &= set - 1) {
      int place = __builtin_ctz(set);
      nearest[place] = metres(last, place);
    }
    int64_t sum = 0;
    while (outside) {
      int closest = __builtin_ctz(outside);
      for (uint32_t set = outside; set; set &= set - 1) {
        int place = __builtin_ctz(set);
        if (nearest[place] < nearest[closest]) closest = place;
      }
      sum += nearest[closest];
      outside &= ~(1u << closest);
      for (uint32_t set = outside; set; set &= set - 1) {
        int place = __builtin_ctz(set);
        nearest[place] = std::min(nearest[place], metres(closest, place));
      }
    }
    return sum;
  }

  int n_, threads_;
  crvector<int64_t> distance_;
  std::atomic<int64_t> best_metres_;
  crvector<Found> best_;  // of each thread
};
