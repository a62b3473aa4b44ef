// Goal: attempt, guards, the region object, kept writes, nesting, and exceptions that leave a
// region with their contents. In the oldest C++ that belay/region.hpp is for.
// Build: -std=c++11 -ftrivial-auto-var-init=pattern
#include <belay/region.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"

std::vector<int> numbers{1, 2, 3};
int calls;

struct Detailed : std::exception {
  explicit Detailed(std::string why) : text(std::move(why)) {}
  const char* what() const noexcept override { return text.c_str(); }
  std::string text;
};

void attempts() {
  int local = 1;
  bool stayed = belay::attempt([&] {
    numbers.push_back(4);
    local = 2;
    belay::keep(calls) = calls + 1;
    return false;
  });
  CHECK(!stayed && numbers.size() == 3 && local == 1 && calls == 1);
  stayed = belay::attempt([&] {
    numbers.push_back(4);
    local = 2;
    belay::attempt([&] {
      numbers.clear();
      return false;
    });
    return true;
  });
  CHECK(stayed && numbers.size() == 4 && local == 2);
}

void exceptions() {
  std::string seen;
  try {
    belay::attempt([&] {
      numbers.push_back(5);
      throw Detailed("a text that is too long for the small buffer: " + std::to_string(numbers[4]));
    });
  } catch (const Detailed& error) {
    seen = error.what();
  }
  CHECK(seen == "a text that is too long for the small buffer: 5");
  CHECK(numbers.size() == 4);
  bool inside = belay::attempt([&] {
    try {
      throw std::runtime_error("caught in the region");
    } catch (const std::runtime_error& error) {
      numbers.push_back(static_cast<int>(std::string(error.what()).size()));
    }
  });
  CHECK(inside && numbers.back() == 20);
  numbers.pop_back();
}

int guarded(bool keep) {
  belay::undo_guard undo;
  numbers.push_back(9);
  if (keep) undo.keep();
  return 7;
}

void unguarded_throw() {
  start_ckpt();
  numbers.push_back(1);
  if (numbers.size() > 2) throw 5;
  stop_ckpt(0);
}

void scopes() {
  CHECK(guarded(false) == 7 && numbers.size() == 4);
  CHECK(guarded(true) == 7 && numbers.size() == 5);
  numbers.pop_back();
  for (int i = 0; i < 6; i++) {
    belay::undo_guard undo;
    numbers[0] = i;
    if (i % 2) continue;
    if (i == 4) break;
    undo.keep();
  }
  CHECK(numbers[0] == 2 && belay::depth() == 0);
  belay::region region;
  region.start();
  numbers[0] = 50;
  region.rollback();
  region.start();
  numbers[1] = 60;
  region.commit();
  CHECK(numbers[0] == 2 && numbers[1] == 60);
  int caught = 0;
  try {
    unguarded_throw();
  } catch (int value) {
    caught = value;
  }
  CHECK(caught == 5 && numbers.size() == 4 && belay::depth() == 0);
}

// Of the function with the markers: what is kept stays, what is not goes back.
BELAY_KEEP void count_in(int* tries) { ++*tries; }
void kept_locals() {
  int tries = 0, counted = 0, local = 5;
  int each[4] = {1, 2, 3, 4};
  start_ckpt();
  CHECK(local == 5 && each[3] == 4);
  belay::keep(tries) = tries + 1;
  belay::keep(each[tries & 1]) = tries;
  count_in(&counted);
  local = each[3] = 6;
  if (tries < 3) rewind_ckpt();
  stop_ckpt(1);
  CHECK(tries == 3 && counted == 3 && local == 5);
  CHECK(each[0] == 2 && each[1] == 3 && each[2] == 3 && each[3] == 4);
}

int main() {
  kept_locals();
  attempts();
  exceptions();
  scopes();
  return 0;
}
