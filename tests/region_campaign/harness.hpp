// harness.hpp — what generated C++ programs know: the state that their operations change, its
// digest, and try_region(), which is belay::attempt() or, in the reference, a child process.
#ifndef RG_HARNESS_HPP
#define RG_HARNESS_HPP

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "harness.h"

// What operations throw.
struct Stop : std::exception {
  Stop(int number, std::string why) : number(number), why(std::move(why)) {}
  const char* what() const noexcept override { return why.c_str(); }
  int number;
  std::string why;
};

struct Shape {
  virtual ~Shape() = default;
  virtual int area() const = 0;
  virtual void grow(int by) = 0;
};
struct Square : Shape {
  explicit Square(int side) : side(side) {}
  int area() const override { return side * side % 10007; }
  void grow(int by) override { side = (side + by) % 1000; }
  int side;
};
struct Row : Shape {
  explicit Row(int cells) : cells(cells % 7 + 1, cells) {}
  int area() const override { return std::accumulate(cells.begin(), cells.end(), 0) % 10007; }
  void grow(int by) override {
    if (cells.size() < 30) cells.push_back(by);
    cells.front() = (cells.front() * 3 + by) % 1009;
  }
  std::vector<int> cells;
};
struct Node {
  int value = 0;
  std::shared_ptr<Node> next;
};
struct Bits {
  unsigned low : 3, middle : 7, high : 22;
  signed sign : 5;
};

// Thunks, and a base whose place is known at run time only.
struct Named {
  virtual ~Named() = default;
  virtual void rename(int by) {
    name += static_cast<char>('a' + (by % 26 + 26) % 26);
    if (name.size() > 40) name.clear();
  }
  std::string name = "n";
};
struct Counted {
  virtual ~Counted() = default;
  virtual int tick() { return ++count; }
  int count = 0;
};
struct Both : virtual Named, Counted {
  int tick() override {
    rename(count);
    return Counted::tick() * 2;
  }
};
struct Leaf : Both {
  void rename(int by) override { Named::rename(by + 1); }
};
template <class T, unsigned N>
struct Ring {
  void put(T value) { slots[at++ % N] = std::move(value); }
  std::array<T, N> slots{};
  unsigned at = 0;
};

struct State {
  std::vector<int> numbers{1, 2, 3};
  std::string text = "begin";
  std::map<int, std::string> names;
  std::set<int> members;
  std::unordered_map<std::string, int> counts;
  std::deque<int> queue;
  std::list<int> chain;
  std::optional<std::string> maybe;
  std::variant<int, std::string, std::vector<int>> either;
  std::shared_ptr<Node> node;
  std::function<int(int)> function = [](int x) { return x + 1; };
  std::vector<std::unique_ptr<Shape>> shapes;
  Leaf leaf;
  std::unique_ptr<Both> both;
  Ring<std::string, 3> ring;
  std::exception_ptr failure;
  std::multimap<int, int> pairs;
  std::vector<bool> flags;
  std::array<Bits, 4> bits{};
  std::array<double, 8> reals{};
  uint64_t sum = 1;
};
inline State state;
inline thread_local uint64_t thread_sum = 1;

inline void fold(uint64_t value) { state.sum = (state.sum ^ value) * 0x100000001b3u; }

// Its constructor throws now and then, its destructor counts.
struct Fragile {
  explicit Fragile(int number) : held(std::to_string(number)) {
    if (number % 3 == 0) throw Stop(number, std::string(number % 40 + 3, 'f'));
  }
  ~Fragile() { fold(held.size()); }
  std::string held;
};

inline void print_text(const char* name, const std::string& text) {
  printf("%s %zu %s\n", name, text.size(), text.c_str());
}
template <class Numbers>
void print_numbers(const char* name, const Numbers& numbers) {
  printf("%s %zu:", name, static_cast<size_t>(std::distance(numbers.begin(), numbers.end())));
  for (long number : numbers) printf(" %ld", number);
  puts("");
}
// All of it, in an order of its own: the unordered map's depends on history, which is state too.
inline void print_state() {
  print_numbers("numbers", state.numbers);
  print_text("text", state.text);
  for (auto& [key, value] : state.names) printf("name %d %s\n", key, value.c_str());
  print_numbers("members", state.members);
  printf("buckets %zu\n", state.counts.bucket_count());
  for (auto& [key, value] : state.counts) printf("count %s %d\n", key.c_str(), value);
  print_numbers("queue", state.queue);
  print_numbers("chain", state.chain);
  print_text("maybe", state.maybe.value_or("nothing"));
  printf("either %zu\n", state.either.index());
  if (auto* number = std::get_if<0>(&state.either)) printf("  %d\n", *number);
  if (auto* text = std::get_if<1>(&state.either)) print_text(" ", *text);
  if (auto* numbers = std::get_if<2>(&state.either)) print_numbers(" ", *numbers);
  for (Node* node = state.node.get(); node; node = node->next.get())
    printf("node %d %ld\n", node->value, node->next.use_count());
  printf("function %d\n", state.function(10));
  for (auto& shape : state.shapes) printf("shape %d\n", shape->area());
  printf("leaf %s %d\n", state.leaf.name.c_str(), state.leaf.count);
  if (state.both) printf("both %s %d\n", state.both->name.c_str(), state.both->count);
  for (auto& slot : state.ring.slots) print_text("slot", slot);
  printf("failure %d\n", state.failure != nullptr);
  for (auto [key, value] : state.pairs) printf("pair %d %d\n", key, value);
  print_numbers("flags", state.flags);
  for (Bits it : state.bits) printf("bits %u %u %u %d\n", it.low, it.middle, it.high, it.sign);
  for (double real : state.reals) printf("real %.17g\n", real);
  printf("sum %llx %llx\n", static_cast<unsigned long long>(state.sum),
         static_cast<unsigned long long>(thread_sum));
}

#ifdef RG_REFERENCE

// The child goes on as the program if its writes are to stay, and the parent waits for its end.
// Otherwise the parent goes on, with what the child says.
struct Ending {
  enum { kKept, kUndone, kThrown } how;
  int number;
  char why[256];
};
template <class F>
bool try_region(int, F&& try_it) {
  int ends[2];
  fflush(stdout);
  if (pipe(ends) != 0) _exit(98);
  pid_t child = fork();
  if (child == 0) {
    Ending ending = {};
    try {
      ending.how = try_it() ? Ending::kKept : Ending::kUndone;
    } catch (const Stop& stop) {
      ending.how = Ending::kThrown;
      ending.number = stop.number;
      strncpy(ending.why, stop.what(), sizeof ending.why - 1);
    }
    if (write(ends[1], &ending, sizeof ending) < 0) _exit(98);
    if (ending.how != Ending::kKept) _exit(0);
    close(ends[0]), close(ends[1]);
    return true;
  }
  close(ends[1]);
  Ending ending;
  bool told = read(ends[0], &ending, sizeof ending) == sizeof ending;
  int status = 0;
  if (!told || ending.how == Ending::kKept) {
    waitpid(child, &status, 0);
    _exit(told && WIFEXITED(status) ? WEXITSTATUS(status) : 98);
  }
  waitpid(child, &status, 0);
  close(ends[0]);
  if (ending.how == Ending::kThrown) throw Stop(ending.number, ending.why);
  return false;
}

#else
#include <belay/region.hpp>

// Tried and undone, without a word to the program, before it counts.
template <class F>
bool try_region(int site, F&& try_it) {
  int undo = rg_decide(site, 0);
  for (bool again = rg_again(undo); again; again = rg_again(--undo)) {
    rg_remember(1, site, __builtin_frame_address(0));
    try {
      belay::attempt([&] { return try_it(), false; });
    } catch (const Stop& stop) {
      if (stop.why.size() != static_cast<size_t>(stop.number) % 40 + 3) _exit(97);
    }
    rg_compare(1);
  }
  return belay::attempt(try_it);
}
#endif

#endif
