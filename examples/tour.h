// A tour, and local search on it: 2-opt (Croes, 1958) and Or-opt (Or, 1976) until neither helps,
// then perturbations that are kept if they lead to something no longer (Lourenço et al., 2003).
#pragma once

#include <tuple>
#include <utility>

#include "map.h"

class Tour {
 public:
  explicit Tour(const Map& map) : map_(&map), queued_(map.size()), position_(map.size()) {
    assign(map.bands());
    for (int i = size() - 1; i >= 0; i--) push(order_[i]);
    improve();
    undo_.clear();
  }

  int size() const { return int(order_.size()); }
  int64_t metres() const { return metres_; }
  const crvector<int>& order() const { return order_; }

  void assign(const crvector<int>& order) {
    order_ = order;
    metres_ = 0;
    for (int i = 0; i < size(); i++) {
      position_[order_[i]] = i;
      metres_ += map_->metres(order_[i], order_[(i + 1) % size()]);
    }
  }

  // Exchanges two short neighbouring stretches, repairs, and takes it back if that made it longer.
  void perturb(Random& random) {
    int longest = std::min(50, size() / 4);
    int first = 1 + int(random.below(longest)), second = 1 + int(random.below(longest));
    int at = int(random.below(size() - first - second - 1));
    int64_t before = metres_;
    int ends[] = {order_[at],
                  order_[at + 1],
                  order_[at + first],
                  order_[at + first + 1],
                  order_[at + first + second],
                  order_[at + first + second + 1]};
    metres_ += distance(ends[0], ends[3]) + distance(ends[4], ends[1]) +
               distance(ends[2], ends[5]) - distance(ends[0], ends[1]) -
               distance(ends[2], ends[3]) - distance(ends[4], ends[5]);
    flip(at + 1, at + first + second);
    flip(at + 1, at + second);
    flip(at + second + 1, at + first + second);
    for (int place : ends) push(place);
    improve();
    if (metres_ > before) {
      for (; !undo_.empty(); undo_.pop_back()) swap_range(undo_.back().first, undo_.back().second);
      metres_ = before;
    }
    undo_.clear();
  }

 private:
  int64_t distance(int a, int b) const { return map_->metres(a, b); }
  int next(int place, bool forward = true) const {
    int i = position_[place] + (forward ? 1 : -1);
    return order_[i == size() ? 0 : i < 0 ? size() - 1 : i];
  }

  void push(int place) {
    if (queued_[place]) return;
    queued_[place] = true;
    queue_.push_back(place);
  }

  // Until no place has a move that helps.
  void improve() {
    while (!queue_.empty()) {
      int place = queue_.back();
      queue_.pop_back();
      queued_[place] = false;
      while (two_opt(place, true) || two_opt(place, false) || or_opt(place, true) ||
             or_opt(place, false)) {
      }
    }
  }

  // Replaces edge a-b, where b follows a in this direction, by one to a nearer neighbour.
  bool two_opt(int a, bool forward) {
    int b = next(a, forward);
    int64_t ab = distance(a, b);
    for (int c : map_->neighbours(a)) {
      int64_t ac = distance(a, c);
      if (ac >= ab) break;
      int d = next(c, forward);
      int64_t gain = ab + distance(c, d) - ac - distance(b, d);
      if (gain <= 0 || d == a) continue;
      metres_ -= gain;
      exchange(a, b, c, d);
      for (int place : {a, b, c, d}) push(place);
      return true;
    }
    return false;
  }

  // Moves up to three places, of which `a` is the first in this direction, in between a neighbour
  // of a's and the one before or after it, so that a becomes its neighbour indeed.
  bool or_opt(int a, bool forward) {
    int p = next(a, !forward);
    int64_t pa = distance(p, a);
    int last = a;
    for (int length = 1; length <= 3; length++, last = next(last, forward)) {
      int q = next(last, forward);
      if (q == p) return false;
      int64_t removed = pa + distance(last, q) - distance(p, q);
      for (int d : map_->neighbours(a)) {
        int64_t ad = distance(a, d);
        if (ad >= removed) break;
        if (in_stretch(d, a, forward, length)) continue;
        int c = next(d, !forward);  // ... p q ... c last..a d ...: turned round
        if (d != q && d != p) {
          if (try_move(removed, p, a, last, q, c, d, ad, false)) return true;
        }
        int e = next(d, forward);  // ... p q ... d a..last e ...: as it was
        if (d != p && e != p) {
          if (try_move(removed, p, a, last, q, d, e, ad, true)) return true;
        }
      }
    }
    return false;
  }

  bool in_stretch(int place, int first, bool forward, int length) const {
    for (; length > 0; length--, first = next(first, forward)) {
      if (place == first) return true;
    }
    return false;
  }

  // Puts a..last between c and d, which follow q in this order, if that is shorter.
  bool try_move(int64_t removed, int p, int a, int last, int q, int c, int d, int64_t joined,
                bool straight) {
    int64_t other = straight ? distance(last, d) : distance(c, last);
    int64_t gain = removed + distance(c, d) - joined - other;
    if (gain <= 0) return false;
    metres_ -= gain;
    exchange(p, a, c, d);                   // p c ... q last..a d
    if (c != q) exchange(p, c, q, last);    // p q ... c last..a d
    if (straight) exchange(c, last, a, d);  // p q ... c a..last d
    for (int place : {p, a, last, q, c, d}) push(place);
    return true;
  }

  // Edges a-b and c-d become a-c and b-d. b follows a, and d follows c, in the same direction.
  void exchange(int a, int b, int c, int d) {
    if (next(a) == b)
      flip(position_[b], position_[c]);
    else
      flip(position_[a], position_[d]);
  }

  // Turns round the stretch between two positions, or the rest of the tour, if that is shorter.
  void flip(int first, int last) {
    int n = size();
    int length = last - first + (last < first ? n : 0) + 1;
    if (2 * length > n) std::tie(first, last) = std::pair((last + 1) % n, (first + n - 1) % n);
    swap_range(first, last);
    undo_.push_back({first, last});
  }

  void swap_range(int first, int last) {
    int n = size();
    int length = last - first + (last < first ? n : 0) + 1;
    for (int swaps = length / 2; swaps > 0; swaps--) {
      std::swap(order_[first], order_[last]);
      position_[order_[first]] = first;
      position_[order_[last]] = last;
      first = first + 1 == n ? 0 : first + 1;
      last = last == 0 ? n - 1 : last - 1;
    }
  }

  const Map* map_;
  crvector<int> order_;
  crvector<char> queued_;
  crvector<int> position_;
  crvector<int> queue_;                 // places whose edges have changed
  crvector<std::pair<int, int>> undo_;  // flips since the last perturbation
  int64_t metres_ = 0;
};
