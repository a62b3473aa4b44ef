#include "region/undo.h"

#include <cstring>

#include "region/entry.h"
#include "region/mutant.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

template <class Word>
void put_back(std::byte* address, uint64_t value) {
  auto word = static_cast<Word>(value);
  memcpy(address, &word, sizeof word);
}

void put_back(std::byte* address, uint64_t value, uint64_t kind) {
  switch (kind) {
    case 8:
      if (BELAY_MUTANT(undo_width_halved)) return put_back<uint32_t>(address, value);
      return put_back<uint64_t>(address, value);
    case 4:
      return put_back<uint32_t>(address, value);
    case 2:
      return put_back<uint16_t>(address, value);
    case 1:
      return put_back<uint8_t>(address, value);
    default:
      fatal("the undo log is damaged: kind %d", static_cast<int>(kind));
  }
}

}  // namespace

void undo(std::byte* mark, const std::byte* stack_low, const std::byte* frame) {
  auto* top = static_cast<std::byte*>(__belay_log_top);
  const auto low = reinterpret_cast<uint64_t>(stack_low);
  uint64_t dead_bytes = reinterpret_cast<uint64_t>(frame) - low;
  if (BELAY_MUTANT(undo_own_frame)) dead_bytes = 0;
  if (BELAY_MUTANT(undo_not_callers)) dead_bytes += 4096;
  auto* const end = mark + (BELAY_MUTANT(undo_misses_first) ? sizeof(Entry) : 0);
  while (top > end) {
    top -= sizeof(Entry);
    const Entry entry = *reinterpret_cast<Entry*>(top);
    const uint64_t kind = entry.tag >> kKindShift, at = entry.tag & kAddressMask;
    const bool block = kind == kBlock || kind == kSkip;
    if (block) top -= payload_bytes(entry.value);
    if (at - low < dead_bytes || kind == kSkip) continue;
    auto* address = reinterpret_cast<std::byte*>(at);
    if (block)
      memcpy(address, top, BELAY_MUTANT(undo_block_short) ? entry.value - 1 : entry.value);
    else
      put_back(address, entry.value, kind);
  }
  __belay_log_top = mark;
}

void spare(std::byte* mark, std::byte* top, const void* address, size_t bytes) {
  while (top > mark) {
    top -= sizeof(Entry);
    auto* entry = reinterpret_cast<Entry*>(top);
    const uint64_t kind = entry->tag >> kKindShift;
    const bool block = kind == kBlock || kind == kSkip;
    const uint64_t offset = (entry->tag & kAddressMask) - reinterpret_cast<uint64_t>(address);
    if (offset < bytes) {
      if (!block) entry->value = 0;
      entry->tag |= kSkip << kKindShift;
    }
    if (block) top -= payload_bytes(entry->value);
  }
}

}  // namespace belay::region
