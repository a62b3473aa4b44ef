// rare.hpp — rarer C++ for generated programs: diamonds, pointers to members, shared_from_this,
// objects that only move, coroutines, throwing constructors of bases and arrays.
#ifndef RG_RARE_HPP
#define RG_RARE_HPP

#include <any>
#include <bitset>
#include <coroutine>
#include <forward_list>
#include <memory>
#include <queue>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <variant>
#include <vector>

#include "harness.hpp"

// One base of two, each of which overrides a part of it.
struct Top {
  explicit Top(int id) : id(id) {}
  virtual ~Top() = default;
  virtual int left(int by) { return id += by; }
  virtual int right(int by) { return id -= by; }
  int id;
  std::string trace;
};
struct Left : virtual Top {
  Left() : Top(1) {}
  int left(int by) override {
    trace += 'l';
    return id = (id * 3 + by) % 10007;
  }
  int lefts[3] = {};
};
struct Right : virtual Top {
  Right() : Top(2) {}
  Right* right_only() { return this; }
  int right(int by) override {
    trace += 'r';
    return id = (id * 5 + by + rights) % 10007;
  }
  int rights = 0;
};
struct Bottom : Left, Right {
  Bottom() : Top(3) {}
  ~Bottom() override { fold(trace.size()); }
  virtual Bottom* self() { return this; }
  int cut() {
    if (trace.size() > 30) trace.clear();
    return rights += lefts[id % 3]++;
  }
};

// Keeps itself alive, and counts who else does.
struct Shared : std::enable_shared_from_this<Shared> {
  explicit Shared(int number) : number(number) {}
  std::shared_ptr<int> part() { return {shared_from_this(), &number}; }
  int number;
  std::weak_ptr<Shared> other;
};

struct MoveOnly {
  explicit MoveOnly(int n) : value(std::make_unique<int>(n)) {}
  MoveOnly(MoveOnly&&) noexcept = default;
  MoveOnly& operator=(MoveOnly&& from) noexcept {
    std::swap(value, from.value);
    return *this;
  }
  bool operator<(const MoveOnly& other) const { return *value < *other.value; }
  std::unique_ptr<int> value;
};

// What it captures does not fit into a std::function.
inline std::function<int(int)> make_big(int from, std::string text) {
  std::array<int, 20> numbers{};
  std::iota(numbers.begin(), numbers.end(), from);
  return [numbers, text = std::move(text), calls = 0](int x) mutable {
    numbers[static_cast<unsigned>(x) % 20] += ++calls;
    return numbers[static_cast<unsigned>(calls) % 20] + static_cast<int>(text.size());
  };
}

// Throws in the second base, in a member, in an element, or behind all of them; each that was made
// is destroyed.
struct Checked {
  Checked(int number, int bad) : number(number) {
    if (number == bad) throw Stop(number, std::string(static_cast<unsigned>(number) % 40 + 3, 'c'));
  }
  ~Checked() { fold(static_cast<uint64_t>(number)); }
  int number;
};
struct Parts : Checked, Top {
  explicit Parts(int bad) try : Checked(1, bad), Top(2), member(3, bad), items{{4, bad}, { 5, bad }
}, text("parts") {
  if (bad == 6) throw Stop(6, std::string(9, 'p'));
}
catch (const Stop&) {
  fold(static_cast<uint64_t>(bad));
}
Checked member;
Checked items[2];
std::string text;
}
;

// The frame is state like any other.
struct Sequence {
  struct promise_type {
    int value = 0;
    Sequence get_return_object() { return Sequence(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int n) {
      value = n;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { throw; }
  };
  using Handle = std::coroutine_handle<promise_type>;
  explicit Sequence(Handle handle) : handle(handle) {}
  Sequence(Sequence&& from) noexcept : handle(std::exchange(from.handle, nullptr)) {}
  Sequence& operator=(Sequence&& from) noexcept {
    std::swap(handle, from.handle);
    return *this;
  }
  ~Sequence() {
    if (handle) handle.destroy();
  }
  int next() {
    if (!handle || handle.done()) return -1;
    handle.resume();
    return handle.promise().value;
  }
  Handle handle;
};
inline Sequence count_from(int from, std::string text) {
  std::vector<int> seen;
  for (int i = from; seen.size() < 9; i += static_cast<int>(text.size())) {
    text += 'c';
    seen.push_back(i);
    co_yield i + seen.back() % 7;
    if (i % 11 == 5)
      throw Stop(i % 1000, std::string(static_cast<unsigned>(i % 1000) % 40 + 3, 'y'));
  }
}
inline Sequence take_odd(Sequence from) {
  for (int value; (value = from.next()) >= 0;)
    if (value % 2) co_yield value;
}

inline thread_local std::vector<std::string> own_words{"first"};  // has a destructor

struct Rare {
  Bottom bottom;
  std::shared_ptr<Shared> shared = std::make_shared<Shared>(5);
  std::vector<MoveOnly> moved;
  std::function<int(int)> big = make_big(1, "begin");
  std::any any;
  std::bitset<77> bits{123456789};
  std::priority_queue<int, std::vector<int>, std::greater<>> heap;
  std::forward_list<std::string> forward{"one", "two"};
  std::unordered_set<int> hashed{1, 2, 3};
  std::unordered_multimap<int, std::string> many;
  std::tuple<int, std::string, double> triple{1, "two", 3.0};
  std::mt19937 random{7};
  std::stringstream stream;
  std::vector<std::vector<std::string>> nested;
  std::variant<std::monostate, std::unique_ptr<int>, std::tuple<int, std::string>> either;
  Sequence sequence = count_from(3, "abc");
  int (Top::*turn)(int) = &Top::left;
  std::vector<int> Rare::*list = &Rare::ones;
  std::vector<int> ones{1}, twos{2, 2};
};
inline Rare rare;

inline void print_rare() {
  printf("rare %d %s %d %d\n", rare.bottom.id, rare.bottom.trace.c_str(), rare.bottom.rights,
         rare.bottom.lefts[1]);
  printf("shared %d %ld %d\n", rare.shared->number, rare.shared.use_count(),
         rare.shared->other.expired());
  for (auto& each : rare.moved) printf("moved %d\n", each.value ? *each.value : -1);
  printf("big %d any %d heap %zu\n", rare.big(3), rare.any.has_value(), rare.heap.size());
  printf("bits %s\n", rare.bits.to_string().c_str());
  for (; !rare.heap.empty(); rare.heap.pop()) printf("heap %d\n", rare.heap.top());
  for (auto& each : rare.forward) printf("forward %s\n", each.c_str());
  for (int each : rare.hashed) printf("hashed %d\n", each);
  for (auto& [key, value] : rare.many) printf("many %d %s\n", key, value.c_str());
  printf("triple %d %s %g\n", std::get<0>(rare.triple), std::get<1>(rare.triple).c_str(),
         std::get<2>(rare.triple));
  printf("random %u stream %s\n", static_cast<unsigned>(rare.random()), rare.stream.str().c_str());
  for (auto& row : rare.nested)
    for (auto& each : row) printf("nested %s\n", each.c_str());
  printf("either %zu lists %zu %zu words %zu\n", rare.either.index(), rare.ones.size(),
         rare.twos.size(), own_words.size());
  try {
    printf("next %d\n", rare.sequence.next());
  } catch (const Stop& stop) {
    printf("stopped %d\n", stop.number);
  }
}

#endif
