// A program that knows nothing of Belay and keeps changing its mappings: moves, grows and shrinks
// them by mremap(2), gives pages back by madvise(2), unmaps and maps anew, and looks each time
// whether every page holds what it should. Two threads, each with mappings of its own.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <random>
#include <thread>
#include <vector>

namespace {

constexpr size_t kPage = 4096, kPagesMax = 1200, kBlocks = 10;

struct Block {
  char* memory = nullptr;
  std::vector<uint64_t> tags;  // of each page, at its start; 0: not written
};

void expect(bool fine, const char* what) {
  if (fine) return;
  fprintf(stderr, "wrong: %s\n", what);
  abort();
}

uint64_t& tag_at(const Block& block, size_t page) {
  return *reinterpret_cast<uint64_t*>(block.memory + page * kPage);
}

class Worker {
 public:
  explicit Worker(unsigned seed) : random_(seed) {
    for (Block& block : blocks_) map(block);
  }

  void step() {
    Block& block = blocks_[random_() % kBlocks];
    switch (random_() % 5) {
      case 0:
        munmap(block.memory, block.tags.size() * kPage);
        map(block);
        break;
      case 1:
      case 2:
        resize(block);
        break;
      case 3:
        give_back(block);
        break;
      case 4:
        check(block);
        break;
    }
    write_some(block);
  }

  uint64_t digest() {
    for (Block& block : blocks_) check(block);
    return digest_;
  }

 private:
  void map(Block& block) {
    block.tags.assign(1 + random_() % kPagesMax, 0);
    void* at = mmap(nullptr, block.tags.size() * kPage, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(at != MAP_FAILED, "mmap");
    block.memory = static_cast<char*>(at);
    write(block, 0, block.tags.size());
  }
  void resize(Block& block) {
    size_t pages = 1 + random_() % kPagesMax;
    void* at = mremap(block.memory, block.tags.size() * kPage, pages * kPage, MREMAP_MAYMOVE);
    expect(at != MAP_FAILED, "mremap");
    block.memory = static_cast<char*>(at);
    block.tags.resize(pages, 0);
  }
  void give_back(Block& block) {
    size_t from = random_() % block.tags.size(), count = 1 + random_() % (block.tags.size() - from);
    expect(madvise(block.memory + from * kPage, count * kPage, MADV_DONTNEED) == 0, "madvise");
    for (size_t i = 0; i < count; i++) block.tags[from + i] = 0;
  }
  void write_some(Block& block) {
    size_t from = random_() % block.tags.size();
    write(block, from, std::min<size_t>(block.tags.size(), from + random_() % 64));
  }
  void write(Block& block, size_t from, size_t to) {
    for (size_t page = from; page < to; page++)
      tag_at(block, page) = block.tags[page] = uint64_t{random_()} << 32 | page | 1;
  }
  void check(const Block& block) {
    for (size_t page = 0; page < block.tags.size(); page++) {
      expect(tag_at(block, page) == block.tags[page], "a page holds something else");
      digest_ = digest_ * 31 + block.tags[page];
    }
  }

  std::mt19937 random_;
  Block blocks_[kBlocks];
  uint64_t digest_ = 0;
};

}  // namespace

int main() {
  uint64_t digests[2] = {};
  auto work = [&](unsigned number) {
    Worker worker(number);
    for (int step = 0; step < 3000; step++) {
      worker.step();
      if (step % 500 == 0) digests[number] += worker.digest();
    }
    digests[number] += worker.digest();
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  printf("%016lx %016lx\n", digests[0], digests[1]);
}
