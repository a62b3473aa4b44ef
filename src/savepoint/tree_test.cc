// Goal: any savepoint of a tree is reached from any other, whatever the program did meanwhile, and
// the tree takes no more memory than its differences: random operations against a model.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "base/page.h"
#include "belay/savepoint.h"
#include "savepoint/outside.h"

namespace belay {
namespace {

constexpr size_t kPages = 96;
constexpr size_t kPointsMax = 40;

// What the program's memory should be: for each page, mapped or not, protection, and the one word
// from which all of its contents follow.
struct Model {
  struct Page {
    bool mapped = true;
    bool writable = true;
    uint32_t word = 0;
  };
  Page pages[kPages];
};

// Shared memory: the model of each savepoint, and the random source.
struct Notes {
  std::mt19937 random;
  Model now;
  struct Point {
    belay_savepoint_t id = 0;
    Model model;
  } points[kPointsMax];
  int steps_left = 0, rollbacks = 0, expected = 0;
};

class Walk {
 public:
  Walk(Notes& notes, Verdict& verdict, char* area)
      : notes_(notes), verdict_(verdict), area_(area) {}

  void run() {
    while (notes_.steps_left-- > 0) {
      step();
      if (pick(8) == 0) check();
    }
  }

 private:
  unsigned pick(unsigned n) { return unsigned(notes_.random() % n); }
  char* at(size_t page) const { return area_ + page * kPageBytes; }

  void step() {
    switch (pick(16)) {
      case 0:
        return unmap();
      case 1:
        return map();
      case 2:
        return protect();
      case 3:
        return discard();
      case 4:
        return release();
      case 5:
      case 6:
        return take();
      case 7:
      case 8:
        return roll_back();
      default:
        return write();
    }
  }

  void write() {
    for (unsigned n = pick(12); n > 0; n--) {
      size_t page = pick(kPages);
      Model::Page& model = notes_.now.pages[page];
      if (!model.mapped || !model.writable) continue;
      model.word = pick(3) == 0 ? 0 : uint32_t(notes_.random());
      fill(page, model.word);
    }
  }
  void fill(size_t page, uint32_t word) {
    auto* words = reinterpret_cast<uint32_t*>(at(page));
    words[0] = words[kPageBytes / 4 - 1] = words[500] = word;
  }

  // A run of pages.
  template <class Change>
  void some(Change change) {
    size_t first = pick(kPages), count = 1 + pick(12);
    for (size_t page = first; page < kPages && page < first + count; page++)
      change(page, notes_.now.pages[page]);
  }
  void unmap() {
    some([&](size_t page, Model::Page& model) {
      munmap(at(page), kPageBytes);
      model = {.mapped = false, .writable = false, .word = 0};
    });
  }
  void map() {
    some([&](size_t page, Model::Page& model) {
      mmap(at(page), kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
           -1, 0);
      model = {};
    });
  }
  void protect() {
    bool writable = pick(2) == 0;
    some([&](size_t page, Model::Page& model) {
      if (!model.mapped) return;
      mprotect(at(page), kPageBytes, writable ? PROT_READ | PROT_WRITE : PROT_READ);
      model.writable = writable;
    });
  }
  void discard() {
    some([&](size_t page, Model::Page& model) {
      if (!model.mapped) return;
      madvise(at(page), kPageBytes, MADV_DONTNEED);
      model.word = 0;
    });
  }

  void take() {
    Notes::Point& point = notes_.points[pick(kPointsMax)];
    if (point.id != 0) belay_release_savepoint(point.id);
    point.id = 0;
    point.model = notes_.now;
    belay_savepoint_t id;
    int came = belay_savepoint(&id);
    if (came == 0) point.id = id;
    BELAY_EXPECT(verdict_, came == notes_.expected, came);
    notes_.expected = 0;
    if (came > 0) check();
  }
  void release() {
    Notes::Point& point = notes_.points[pick(kPointsMax)];
    if (point.id == 0) return;
    BELAY_EXPECT(verdict_, belay_release_savepoint(point.id) == 0, 0);
    point.id = 0;
  }
  void roll_back() {
    Notes::Point& point = notes_.points[pick(kPointsMax)];
    if (point.id == 0) return;
    notes_.now = point.model;
    notes_.rollbacks++;
    notes_.expected = int(1 + pick(1000));
    belay_rollback_to(point.id, notes_.expected);
    verdict_.check(false, belay_crerror());
    abort();
  }

  void check() {
    for (size_t page = 0; page < kPages; page++) {
      const Model::Page& model = notes_.now.pages[page];
      unsigned char present;
      bool mapped = mincore(at(page), kPageBytes, &present) == 0;
      BELAY_EXPECT(verdict_, mapped == model.mapped, long(page));
      if (!mapped || !model.mapped) continue;
      auto* words = reinterpret_cast<const uint32_t*>(at(page));
      BELAY_EXPECT(verdict_, words[0] == model.word && words[500] == model.word, long(page));
      BELAY_EXPECT(verdict_, words[kPageBytes / 4 - 1] == model.word, long(page));
    }
  }

  Notes& notes_;
  Verdict& verdict_;
  char* area_;
};

TEST(SavepointTree, RandomOperationsAgreeWithAModel) {
  unsigned seed = test_seed();
  Verdict verdict;
  Outside<Notes> notes;
  notes->random.seed(seed);
  notes->steps_left = test_full() ? 100'000 : 4'000;
  // Room around it, so that nothing else is mapped there while it is not.
  auto* area = static_cast<char*>(mmap(nullptr, kPages * kPageBytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  Walk(*notes, verdict, area).run();
  for (auto& point : notes->points)
    if (point.id != 0) belay_release_savepoint(point.id);
  munmap(area, kPages * kPageBytes);
  EXPECT_GT(notes->rollbacks, 40);
  struct belay_savepoint_statistics statistics;
  ASSERT_EQ(belay_savepoint_statistics(&statistics), 0);
  EXPECT_EQ(statistics.live, 0u);
}

// What savepoints cost is what differs, and the way to any of them is short.
TEST(SavepointTree, ManyShareWhatIsEqual) {
  constexpr size_t kState = 2000, kPoints = 500, kEach = 20;
  struct Kept {
    belay_savepoint_t ids[kPoints];
    uint32_t sums[kPoints];
    size_t count = 0, at = 0, jumps = 300;
    uint64_t pages_saved = 0;
    std::mt19937 random{7};
  };
  Verdict verdict;
  Outside<Kept> kept;
  std::vector<char> memory((kState + 1) * kPageBytes);
  char* pages = reinterpret_cast<char*>(page_ceil(reinterpret_cast<uint64_t>(memory.data())));
  for (size_t i = 0; i < kState; i++) memset(pages + i * kPageBytes, 1, kPageBytes);
  auto sum = [&] {
    uint32_t total = 0;
    for (size_t i = 0; i < kState; i++) total = total * 31 + uint8_t(pages[i * kPageBytes]);
    return total;
  };
  belay_savepoint_t root;
  ASSERT_EQ(belay_savepoint(&root), 0);
  struct belay_savepoint_statistics before, now;
  belay_savepoint_statistics(&before);
  while (kept->count < kPoints) {
    for (size_t i = 0; i < kEach; i++) pages[kept->random() % kState * kPageBytes]++;
    kept->sums[kept->count] = sum();
    kept->at = kept->count;
    if (belay_savepoint(&kept->ids[kept->count]) != 0) break;
    kept->count++;
    belay_savepoint_statistics(&now);
    kept->pages_saved += now.pages_saved;
    EXPECT_GE(now.pages_saved, kEach / 2);
  }
  BELAY_EXPECT(verdict, sum() == kept->sums[kept->at], long(kept->at));
  if (kept->jumps-- > 0) {
    kept->at = kept->random() % kPoints;
    belay_rollback_to(kept->ids[kept->at], 1);
    FAIL() << belay_crerror();
  }
  belay_savepoint_statistics(&now);
  EXPECT_EQ(now.live, before.live + kPoints);
  double differs = double(kept->pages_saved * kPageBytes);
  EXPECT_LE(double(now.bytes - before.bytes), 1.3 * differs);
  // What is left is what memory differs in from the root.
  ASSERT_EQ(belay_release_descendants(root), 0);
  belay_savepoint_statistics(&now);
  EXPECT_LE(now.bytes, before.bytes + (kState + 64) * kPageBytes);
  belay_release_savepoint(root);
}

}  // namespace
}  // namespace belay
