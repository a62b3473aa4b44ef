#include "region/heap_blocks.h"

#include <cstdlib>

#include "region/mutant.h"

// Weak: a C program has no C++ library.
extern "C" {
__attribute__((weak)) void _ZdlPv(void*);
__attribute__((weak)) void _ZdaPv(void*);
__attribute__((weak)) void _ZdlPvSt11align_val_t(void*, size_t);
__attribute__((weak)) void _ZdaPvSt11align_val_t(void*, size_t);
}

namespace belay::region {

namespace {

void release_block(const Block& block) {
  switch (block.how) {
    case Release::kFree:
      return free(block.address);
    case Release::kDelete:
      return _ZdlPv(block.address);
    case Release::kDeleteArray:
      return _ZdaPv(block.address);
    case Release::kDeleteAligned:
      return _ZdlPvSt11align_val_t(block.address, size_t{1} << block.alignment_log2);
    case Release::kDeleteArrayAligned:
      return _ZdaPvSt11align_val_t(block.address, size_t{1} << block.alignment_log2);
  }
}

}  // namespace

void* born(void* address, Release how, uint32_t alignment_log2) {
  if (address == nullptr || !in_region()) return address;
  this_thread.births.push({address, how, alignment_log2});
  this_thread.statistics.allocations++;
  return address;
}

void died(void* address, Release how, uint32_t alignment_log2) {
  if (address == nullptr) return;
  if (!in_region() || BELAY_MUTANT(free_not_deferred))
    return release_block({address, how, alignment_log2});
  this_thread.deaths.push({address, how, alignment_log2});
  this_thread.statistics.frees++;
}

void release_births(size_t from) {
  auto& births = this_thread.births;
  while (births.size() > from) {
    Block block = births.back();
    births.truncate(births.size() - 1);
    release_block(block);
  }
}

void release_deaths() {
  auto& deaths = this_thread.deaths;
  while (deaths.size() > 0) {
    Block block = deaths.back();
    deaths.truncate(deaths.size() - 1);
    release_block(block);
  }
}

void spare_births(size_t from) { this_thread.births.truncate(from); }

}  // namespace belay::region
