// Job-shop scheduling: each job visits the machines in its own order, a machine does one thing at a
// time, and the whole is to end as early as possible. The instances are Fisher and Thompson's of
// 1963, which were open for 25 years (10x10: optimum proved by Carlier and Pinson, 1989).
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "repeatable.h"

struct Instance {
  int jobs, machines, optimum;  // 0: not known
  std::vector<int> steps;       // machine and duration of each step of each job
};

// ft06, ft10, or JOBSxMACHINES with random durations from 1 to 99. No steps: there is none such.
inline Instance make_instance(std::string_view name, uint64_t seed) {
  if (name == "ft06")
    return {6, 6, 55, {2, 1, 0, 3, 1, 6, 3, 7, 5, 3, 4, 6, 1, 8, 2, 5, 4, 10, 5, 10, 0, 10, 3, 4,
                       2, 5, 3, 4, 5, 8, 0, 9, 1, 1, 4, 7, 1, 5, 0, 5, 2, 5,  3, 3,  4, 8,  5, 9,
                       2, 9, 1, 3, 4, 5, 5, 4, 0, 3, 3, 1, 1, 3, 3, 3, 5, 9,  0, 10, 4, 4,  2, 1}};
  if (name == "ft10")
    return {10, 10, 930, {0, 29, 1, 78, 2, 9,  3, 36, 4, 49, 5, 11, 6, 62, 7, 56, 8, 44, 9, 21,
                          0, 43, 2, 90, 4, 75, 9, 11, 3, 69, 1, 28, 6, 46, 5, 46, 7, 72, 8, 30,
                          1, 91, 0, 85, 3, 39, 2, 74, 8, 90, 5, 10, 7, 12, 6, 89, 9, 45, 4, 33,
                          1, 81, 2, 95, 0, 71, 4, 99, 6, 9,  8, 52, 7, 85, 3, 98, 9, 22, 5, 43,
                          2, 14, 0, 6,  1, 22, 5, 61, 3, 26, 4, 69, 8, 21, 7, 49, 9, 72, 6, 53,
                          2, 84, 1, 2,  5, 52, 3, 95, 8, 48, 9, 72, 0, 47, 6, 65, 4, 6,  7, 25,
                          1, 46, 0, 37, 3, 61, 2, 13, 6, 32, 5, 21, 9, 32, 8, 89, 7, 30, 4, 55,
                          2, 31, 0, 86, 1, 46, 5, 74, 4, 32, 6, 88, 8, 19, 9, 48, 7, 36, 3, 79,
                          0, 76, 1, 69, 3, 76, 5, 51, 2, 85, 9, 11, 6, 40, 7, 89, 4, 26, 8, 74,
                          1, 85, 0, 13, 2, 61, 6, 7,  8, 64, 9, 76, 5, 47, 3, 52, 4, 90, 7, 45}};
  Instance made = {0, 0, 0, {}};
  if (std::sscanf(std::string(name).c_str(), "%dx%d", &made.jobs, &made.machines) != 2) return made;
  if (made.jobs < 1 || made.jobs > 1000 || made.machines < 2 || made.machines > 1000) return made;
  Random random(seed, 1);
  std::vector<int> order(made.machines);
  for (int machine = 0; machine < made.machines; machine++) order[machine] = machine;
  for (int job = 0; job < made.jobs; job++) {
    for (int i = made.machines - 1; i > 0; i--) std::swap(order[i], order[random.below(i + 1)]);
    for (int machine : order) {
      made.steps.push_back(machine);
      made.steps.push_back(1 + int(random.below(99)));
    }
  }
  return made;
}

// Nothing to be told: Belay knows what was written.
struct NoUndo {
  void before(int&) {}
};

// Which step follows which on each machine, and when each starts at the earliest. A program that
// undoes by hand derives `Undo` from what it keeps: before() is told of each variable in time.
template <class Undo = NoUndo>
class Schedule : public Undo {
 public:
  explicit Schedule(const Instance& instance)
      : jobs_(instance.jobs),
        machines_(instance.machines),
        count_(jobs_ * machines_),
        machine_(count_),
        duration_(count_),
        before_(count_, kNone),
        after_(count_, kNone),
        start_(count_, 0) {
    std::vector<int> last(machines_, kNone);
    for (int step = 0; step < count_; step++) {
      machine_[step] = instance.steps[2 * step];
      duration_[step] = instance.steps[2 * step + 1];
    }
    // All first steps, then all second ones and so on: no cycle can come of that.
    for (int k = 0; k < machines_; k++)
      for (int job = 0; job < jobs_; job++) {
        int step = job * machines_ + k;
        int& previous = last[machine_[step]];
        before_[step] = previous;
        if (previous != kNone) after_[previous] = step;
        previous = step;
        start_[step] = earliest(step);
      }
  }

  struct Pair {
    int first, second;
  };

  int makespan() const {
    int end = 0;
    for (int step = machines_ - 1; step < count_; step += machines_)
      end = std::max(end, start_[step] + duration_[step]);
    return end;
  }

  // Two neighbours of one machine on a longest path: only exchanging such ones can shorten it, and
  // it makes no cycle (van Laarhoven, Aarts and Lenstra, 1992). {kNone, kNone}: optimal.
  Pair critical_pair(Random& random) const {
    int step = machines_ - 1, seen = 0;
    for (int last = step; last < count_; last += machines_)
      if (start_[last] + duration_[last] > start_[step] + duration_[step]) step = last;
    Pair chosen = {kNone, kNone};
    while (start_[step] > 0) {
      int previous = before_[step];
      if (previous != kNone && start_[previous] + duration_[previous] == start_[step]) {
        if (random.below(++seen) == 0) chosen = {previous, step};
      } else {
        previous = step - 1;
      }
      step = previous;
    }
    return chosen;
  }

  void exchange(Pair pair) {
    int previous = before_[pair.first], next = after_[pair.second];
    if (previous != kNone) set(after_[previous], pair.second);
    if (next != kNone) set(before_[next], pair.first);
    set(before_[pair.second], previous);
    set(after_[pair.second], pair.first);
    set(before_[pair.first], pair.second);
    set(after_[pair.first], next);
    shift({pair.second, pair.first, next == kNone ? pair.first : next});
  }

  const std::vector<int>& starts() const { return start_; }

 private:
  static constexpr int kNone = -1;
  static constexpr unsigned kQueueMax = 1024;  // of steps whose start may have changed

  void set(int& variable, int value) {
    Undo::before(variable);
    variable = value;
  }

  int earliest(int step) const {
    int job_free = step % machines_ == 0 ? 0 : start_[step - 1] + duration_[step - 1];
    int previous = before_[step];
    return previous == kNone ? job_free
                             : std::max(job_free, start_[previous] + duration_[previous]);
  }

  // New starts for these, whose predecessors are others now, and for whatever comes after them.
  void shift(std::initializer_list<int> changed) {
    int queue[kQueueMax];
    unsigned head = 0, tail = 0;
    for (int step : changed) queue[tail++] = step;
    while (head != tail) {
      int step = queue[head++ % kQueueMax];
      int start = earliest(step);
      if (start == start_[step]) continue;
      set(start_[step], start);
      if (tail - head > kQueueMax - 2) return shift_all();
      if (after_[step] != kNone) queue[tail++ % kQueueMax] = after_[step];
      if (step % machines_ != machines_ - 1) queue[tail++ % kQueueMax] = step + 1;
    }
  }

  // The same where the queue would not hold them.
  void shift_all() {
    for (bool changed = true; changed;) {
      changed = false;
      for (int step = 0; step < count_; step++) {
        int start = earliest(step);
        if (start == start_[step]) continue;
        set(start_[step], start);
        changed = true;
      }
    }
  }

  int jobs_, machines_, count_;
  std::vector<int> machine_, duration_;  // of each step; those of a job follow one another
  std::vector<int> before_, after_;      // its neighbours on the machine, or kNone
  std::vector<int> start_;
};
