// Goal: exceptions that are thrown, caught and destroyed in regions: destructors are undone as all
// code is, nothing is put back into memory that is gone, and what leaves a region is what was
// thrown.
#include <belay/region.hpp>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.h"

int made, destroyed, alive;
std::string note = "nothing of note";

struct Counted {
  explicit Counted(int n) : value(n), text("a text of some length, number " + std::to_string(n)) {
    made++, alive++;
  }
  Counted(const Counted& other) : value(other.value), text(other.text) { made++, alive++; }
  ~Counted() { destroyed++, alive--; }
  int value;
  std::string text;
  int more[64] = {};
};

__attribute__((noinline)) void thrower(int n) {
  if (n >= 0) throw Counted(n);
}

// The destructor of what was thrown writes globals; the handler writes into the exception.
void catch_inside(bool rollback) {
  start_ckpt();
  for (int i = 0; i < 50; i++) {
    try {
      thrower(i);
    } catch (Counted& e) {
      e.value = -1;
      e.text += ", which the handler makes longer";
      for (int& each : e.more) each = i;
      note = e.text;
    }
    CHECK(alive == 0);
  }
  stop_ckpt(rollback);
}

// Begun in a handler, ended behind it: the exception is of before the region.
void handler_ends_in_region() {
  try {
    thrower(1);
  } catch (Counted& e) {
    int before = destroyed;
    start_ckpt();
    e.value = 77;
    e.text = "something else that is long enough to be allocated";
    stop_ckpt(1);
    CHECK(e.value == 1 && e.text == "a text of some length, number 1" && destroyed == before);
  }
  CHECK(alive == 0);
}

// A handler changes what it throws on: it leaves as it was thrown.
void rethrown() {
  try {
    belay::attempt([] {
      try {
        thrower(5);
      } catch (Counted& e) {
        e.text += " and what the region has added to it, which goes";
        e.value = 6;
        throw;
      }
    });
    CHECK(false);
  } catch (Counted& e) {
    CHECK(e.value == 5 && e.text == "a text of some length, number 5");
  }
}

// Out of two regions, and caught in a third that is undone as well.
void nested() {
  for (int i = 0; i < 20; i++) {
    start_ckpt();
    try {
      belay::attempt([&] { belay::attempt([&] { thrower(i); }); });
      CHECK(false);
    } catch (Counted& e) {
      CHECK(e.value == i && e.text == "a text of some length, number " + std::to_string(i));
      e.value++;
    }
    stop_ckpt(i & 1);
  }
  alive = 0;  // what left was counted by its destructor only
}

std::exception_ptr stored;
void pointers() {
  start_ckpt();
  try {
    thrower(9);
  } catch (...) {
    stored = std::current_exception();
  }
  stop_ckpt(1);
  CHECK(!stored && alive == 0);
  start_ckpt();
  stored = std::make_exception_ptr(Counted(10));
  stop_ckpt(0);
  CHECK(alive == 1);
  start_ckpt();
  stored = nullptr;
  CHECK(alive == 0);
  stop_ckpt(1);
  CHECK(alive == 1 && stored);
  try {
    belay::attempt([] { std::rethrow_exception(stored); });
    CHECK(false);
  } catch (Counted& e) {
    CHECK(e.value == 10);
  }
  start_ckpt();
  stored = nullptr;
  stop_ckpt(0);
  CHECK(alive == 0);
}

// libstdc++ counts references in an int 128 bytes before the object that was thrown.
int references(const std::exception_ptr& pointer) {
  char* object;
  std::memcpy(&object, &pointer, sizeof object);
  return *reinterpret_cast<int*>(object - 128);
}

// In a region within one: what the inner one counts is undone before the outer one ends.
void rethrown_within() {
  stored = std::make_exception_ptr(Counted(11));
  start_ckpt();
  for (bool rollback : {true, false}) {
    int before = references(stored);
    start_ckpt();
    for (int i = 0; i < 3; i++) try {
        std::rethrow_exception(stored);
      } catch (Counted& e) {
        CHECK(e.value == 11);
      }
    stop_ckpt(rollback);
    CHECK(!rollback || references(stored) == before);
  }
  stop_ckpt(1);
  CHECK(references(stored) == 1 && alive == 1);
  start_ckpt();
  try {
    std::rethrow_exception(stored);
  } catch (Counted&) {
    stored = nullptr;
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
  stop_ckpt(0);
  CHECK(alive == 0);
}

// From a handler, by rewind: the C++ runtime forgets the handler.
BELAY_KEEP void count(int* n) { ++*n; }
int rewinds;
void rewinding() {
  start_ckpt();
  try {
    if (rewinds < 30) thrower(3);
  } catch (Counted& e) {
    note = e.text;
    count(&rewinds);
    rewind_ckpt();
  }
  CHECK(rewinds == 30 && !std::current_exception() && alive == 0);
  stop_ckpt(1);
}

// Standard exceptions as data: their texts are counted by the library.
void standard() {
  std::optional<std::runtime_error> error(std::in_place, "the first text, before the region");
  auto logic = std::make_unique<std::logic_error>("the second text, before the region");
  for (int i = 0; i < 20; i++) {
    start_ckpt();
    *error = std::runtime_error("another one, " + std::to_string(i));
    *logic = std::logic_error("another one, " + std::to_string(i));
    error.reset();
    logic.reset();
    { std::vector<std::runtime_error> many(10, std::runtime_error("many")); }
    stop_ckpt(1);
    CHECK(std::string(error->what()) == "the first text, before the region");
    CHECK(std::string(logic->what()) == "the second text, before the region");
  }
}

struct Throws {
  Throws() : text("a text that is long enough for the heap") { throw Counted(2); }
  std::string text;
};
void thrown_while_made() {
  for (int i = 0; i < 20; i++) {
    start_ckpt();
    try {
      throw Throws();
    } catch (Counted& e) {
      e.more[3] = i;
    }
    stop_ckpt(i & 1);
    CHECK(alive == 0);
  }
}

// What an inner typed handler lets pass leaves both regions; each way of saying so.
struct Other {};
int steps;
__attribute__((noinline)) void leave(int n) {
  steps += 10;
  if (n == 1) throw Counted(n);
  if (n == 2) throw Other();
}

void by_guards(int n) {
  belay::undo_guard outer;
  steps++;
  try {
    belay::undo_guard inner;
    leave(n);
    inner.keep();
  } catch (Counted&) {
    steps += 100;
  }
  outer.keep();
}

void by_attempts(int n) {
  belay::attempt([&] {
    steps++;
    try {
      belay::attempt([&] { leave(n); });
    } catch (Counted&) {
      steps += 100;
    }
  });
}

void by_handlers(int n) {
  start_ckpt();
  try {
    steps++;
    try {
      start_ckpt();
      try {
        leave(n);
      } catch (...) {
        stop_ckpt(1);
        throw;
      }
      stop_ckpt(0);
    } catch (Counted&) {
      steps += 100;
    }
  } catch (...) {
    stop_ckpt(1);
    throw;
  }
  stop_ckpt(0);
}

void typed_handlers() {
  const int wanted[] = {11, 101, 1000};
  for (auto way : {by_guards, by_attempts, by_handlers}) {
    for (int n = 0; n < 3; n++) {
      steps = 0;
      try {
        way(n);
      } catch (Other&) {
        steps += 1000;
      }
      CHECK(steps == wanted[n]);
    }
  }
  alive = 0;  // destructors of what left the inner regions only
}

int main() {
  catch_inside(true);
  CHECK(made == 0 && destroyed == 0 && note == "nothing of note");
  catch_inside(false);
  CHECK(made == 50 && destroyed == 50 && alive == 0);
  handler_ends_in_region();
  rethrown();
  nested();
  pointers();
  rethrown_within();
  rewinding();
  standard();
  thrown_while_made();
  typed_handlers();
  return 0;
}
