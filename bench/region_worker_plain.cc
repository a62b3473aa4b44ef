// Plain clang: without undo (plain), with hand-written undo (hand), and with what copies instead of
// logging: memcpy of the state, fork, mprotect with a copy of each page at its first write.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../examples/queens.h"
#include "region_moves.h"

namespace {

struct Old {
  void* variable;
  uint64_t value;
};

// A trail with room for everything, so that an append is as short as one can write it.
Old* trail;
Old* trail_top;

void open_trail(size_t entries) {
  trail = static_cast<Old*>(mmap(nullptr, (entries + kWords) * sizeof(Old), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  trail_top = trail;
}

[[gnu::noinline]] void scatter_by_hand(uint64_t* words, const uint32_t* at, size_t entries) {
  Old* top = trail_top;
  for (size_t i = 0; i < entries; i++) {
    uint64_t& word = words[at[i % kWords]];
    *top++ = {&word, word};
    word = i;
  }
  trail_top = top;
}
// What one knows about a record and a compiler does not: four fields, one entry of the trail.
[[gnu::noinline]] void records_by_hand(uint64_t* words, const uint32_t* at, size_t entries) {
  Old* top = trail_top;
  auto* all = reinterpret_cast<Record*>(words);
  for (size_t i = 0; i < entries; i += kRecordFields) {
    Record& record = all[at[i % kWords] / kRecordFields];
    *top++ = {&record.key, record.key};
    *top++ = {&record.left, record.left};
    *top++ = {&record.right, record.right};
    *top++ = {&record.weight, record.weight};
    record = {i, i * 3, i ^ 5, i + 7};
  }
  trail_top = top;
}

void end_by_hand(bool undo) {
  if (undo)
    for (; trail_top > trail; --trail_top)
      *static_cast<uint64_t*>(trail_top[-1].variable) = trail_top[-1].value;
  trail_top = trail;
}

constexpr size_t kPage = 4096, kPages = kWords * sizeof(uint64_t) / kPage;
uint64_t* protected_words;
uint64_t page_copies[kWords];
bool page_copied[kPages];

void on_write_fault(int, siginfo_t* info, void*) {
  auto offset =
      size_t(static_cast<char*>(info->si_addr) - reinterpret_cast<char*>(protected_words));
  if (offset >= kPages * kPage) _exit(1);
  size_t page = offset / kPage, first = page * (kPage / sizeof(uint64_t));
  memcpy(page_copies + first, protected_words + first, kPage);
  page_copied[page] = true;
  mprotect(protected_words + first, kPage, PROT_READ | PROT_WRITE);
}

void end_protected(bool undo) {
  for (size_t page = 0; page < kPages; page++) {
    size_t first = page * (kPage / sizeof(uint64_t));
    if (undo && page_copied[page]) memcpy(protected_words + first, page_copies + first, kPage);
    page_copied[page] = false;
  }
  mprotect(protected_words, kPages * kPage, PROT_READ | PROT_WRITE);
}

// Runs `work` in a child, whose end undoes it.
template <class Work>
int in_child(Work work) {
  pid_t child = fork();
  if (child == 0) _exit(work());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) exit(1);
  return WEXITSTATUS(status);
}

void sample_kernel(Measurement& m, void (*kernel)(uint64_t*, const uint32_t*, size_t)) {
  auto work = [&] { kernel(m.words, m.at, m.entries); };
  if (m.is("plain")) {
    sample(m, work);
  } else if (m.is("hand")) {
    open_trail(m.entries);
    auto by_hand = kernel == records ? records_by_hand : scatter_by_hand;
    sample(m, [&] {
      by_hand(m.words, m.at, m.entries);
      end_by_hand(m.undo);
    });
  } else if (m.is("memcpy")) {
    static uint64_t saved[kWords];
    sample(m, [&] {
      memcpy(saved, m.words, sizeof saved);
      asm volatile("" ::: "memory");
      work();
      if (m.undo) memcpy(m.words, saved, sizeof saved);
    });
  } else if (m.is("fork")) {
    sample(
        m, [&] { in_child([&] { return work(), 0; }); }, CLOCK_MONOTONIC);
  } else if (m.is("mprotect")) {
    protected_words = m.words;
    struct sigaction action = {};
    action.sa_sigaction = on_write_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    sample(m, [&] {
      mprotect(m.words, kPages * kPage, PROT_READ);
      work();
      end_protected(m.undo);
    });
  } else {
    exit(kExitSkip);
  }
}

class PlainShop : public Schedule<> {
 public:
  using Schedule::Schedule;
  bool try_exchange(Pair pair, double limit) {
    exchange(pair);
    return makespan() <= limit;
  }
};

class Trail {
 public:
  void before(int& variable) { *trail_top++ = {&variable, uint64_t(variable)}; }
  void end(bool undo) {
    if (undo)
      for (; trail_top > trail; --trail_top)
        *static_cast<int*>(trail_top[-1].variable) = int(trail_top[-1].value);
    trail_top = trail;
  }
};

class HandShop : public Schedule<Trail> {
 public:
  using Schedule::Schedule;
  bool try_exchange(Pair pair, double limit) {
    exchange(pair);
    bool good = makespan() <= limit;
    end(!good);
    return good;
  }
};

class CopyShop : public Schedule<> {
 public:
  explicit CopyShop(const Instance& instance) : Schedule(instance), saved_(*this) {}
  bool try_exchange(Pair pair, double limit) {
    saved_ = *this;
    exchange(pair);
    bool good = makespan() <= limit;
    if (!good) Schedule::operator=(saved_);
    return good;
  }

 private:
  Schedule saved_;
};

// What is good is done again by the parent.
class ForkShop : public Schedule<> {
 public:
  using Schedule::Schedule;
  bool try_exchange(Pair pair, double limit) {
    bool good = in_child([&] {
      exchange(pair);
      return makespan() <= limit;
    });
    if (good) exchange(pair);
    return good;
  }
};

class HandQueens : public BoardWithUndo {
 public:
  using BoardWithUndo::BoardWithUndo;
  uint64_t search() {
    int row = next_row();
    uint64_t tried = 0;
    for (int column = 0; row < size() && column < size(); column++) {
      if (!is_free(row, column)) continue;
      tried += 1 + (place(row, column) ? search() : 0);
      remove(row, column);
    }
    return tried;
  }
};

class CopyQueens : public Board {
 public:
  explicit CopyQueens(int n) : Board(n), saved_(size_t(n), *this) {}
  uint64_t search(int depth = 0) {
    int row = next_row();
    uint64_t tried = 0;
    for (int column = 0; row < size() && column < size(); column++) {
      if (!is_free(row, column)) continue;
      saved_[size_t(depth)] = *this;
      tried += 1 + (place(row, column) ? search(depth + 1) : 0);
      Board::operator=(saved_[size_t(depth)]);
    }
    return tried;
  }

 private:
  std::vector<Board> saved_;
};

}  // namespace

int main(int argc, char** argv) {
  Measurement m = parse(argc, argv);
  auto nothing = [](auto&) {};
  if (m.on("moves") && m.is("plain")) return sample_moves<PlainShop>(m, nothing), 0;
  if (m.on("moves") && m.is("hand"))
    return open_trail(1 << 20), sample_moves<HandShop>(m, nothing), 0;
  if (m.on("moves") && m.is("memcpy")) return sample_moves<CopyShop>(m, nothing), 0;
  if (m.on("moves") && m.is("fork"))  // so slow that a few must do
    return m.entries = 50, sample_moves<ForkShop>(m, nothing, CLOCK_MONOTONIC), 0;
  if (m.on("queens") && m.is("hand")) return sample_queens<HandQueens>(m), 0;
  if (m.on("queens") && m.is("memcpy")) return sample_queens<CopyQueens>(m), 0;
  sample_kernel(m, m.on("records") ? records : scatter);
}
