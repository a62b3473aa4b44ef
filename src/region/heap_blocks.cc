#include "region/heap_blocks.h"

#include <malloc.h>

#include <cstdlib>

#include "region/mutant.h"
#include "region/races.h"

// Weak: a C program has no C++ library.
extern "C" {
__attribute__((weak)) void _ZdlPv(void*);
__attribute__((weak)) void _ZdaPv(void*);
__attribute__((weak)) void _ZdlPvSt11align_val_t(void*, size_t);
__attribute__((weak)) void _ZdaPvSt11align_val_t(void*, size_t);
__attribute__((weak)) void __cxa_free_exception(void*);
__attribute__((weak)) void _ZNSt11logic_errorD2Ev(void*);
}

namespace belay::region {

namespace {

// The texts are counted strings of the C++ library's: the destructor of what has nothing else gives
// one up.
void release_text(void* text) {
  void* exception[] = {nullptr, text};
  _ZNSt11logic_errorD2Ev(exception);
}

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
    case Release::kException:
      return __cxa_free_exception(block.address);
    case Release::kText:
      return release_text(block.address);
  }
}

}  // namespace

void* born(void* address, size_t bytes, Release how, uint32_t alignment_log2) {
  if (address == nullptr || !in_region()) return address;
  forget_writes(address, bytes);
  this_thread.births.push({address, how, static_cast<uint16_t>(alignment_log2), false});
  this_thread.statistics.allocations++;
  return address;
}

void* born_by_malloc(void* address) {
  return born(address, malloc_usable_size(address), Release::kFree);
}

void died(void* address, Release how, uint32_t alignment_log2) {
  if (address == nullptr) return;
  if (!in_region() || BELAY_MUTANT(free_not_deferred))
    return release_block({address, how, static_cast<uint16_t>(alignment_log2), false});
  this_thread.deaths.push({address, how, static_cast<uint16_t>(alignment_log2), false});
  this_thread.statistics.frees++;
}

void release_births(size_t from, size_t exceptions_from) {
  auto& births = this_thread.births;
  auto& owners = this_thread.exceptions;  // in the order of their blocks
  const size_t end = births.size();
  size_t kept = from, owner = exceptions_from;
  for (size_t i = from; i <= end; i++) {
    for (; owner < owners.size() && owners[owner].births_begin == i; owner++) {
      owners[owner].births_end -= i - kept;
      owners[owner].births_begin = kept;
    }
    if (i == end) break;
    Block block = births[i];
    if (!block.spared) {
      release_block(block);
      continue;
    }
    block.spared = false;
    births[kept++] = block;
  }
  births.truncate(in_region() ? kept : from);
}

void release_deaths() {
  auto& deaths = this_thread.deaths;
  while (deaths.size() > 0) {
    Block block = deaths.back();
    deaths.truncate(deaths.size() - 1);
    release_block(block);
  }
}

}  // namespace belay::region
