#include "region/hash_filter.h"

#include "region/mutant.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

// Direct-mapped: a collision forgets the older address, whose next write is logged again. That is
// always sound, and a probe is one cache line.
struct Slot {
  uint64_t address;
  uint64_t bytes : 16;
  uint64_t epoch : 48;
};
constexpr int kSlotsLog2 = 18;
constexpr size_t kSlots = size_t{1} << kSlotsLog2;
constexpr size_t kBytesMax = 0xffff;

thread_local BELAY_TLS Slot* slots;

}  // namespace

bool is_first_write(const volatile void* address, size_t bytes) {
  if (slots == nullptr) {
    slots = reinterpret_cast<Slot*>(reserve(kSlots * sizeof(Slot)));
    if (slots == nullptr) return true;
  }
  auto at = reinterpret_cast<uint64_t>(address);
  // Fibonacci hashing (Knuth, TAOCP 6.4): the product's top bits.
  Slot& slot = slots[at * 0x9e3779b97f4a7c15u >> (64 - kSlotsLog2)];
  uint64_t epoch = this_thread.hash_epoch;
  if (slot.address == at && (slot.epoch == epoch || BELAY_MUTANT(hash_ignores_epoch)) &&
      (slot.bytes >= bytes || BELAY_MUTANT(hash_ignores_width)))
    return false;
  if (bytes <= kBytesMax) slot = {at, bytes, epoch};
  return true;
}

void close_hash_filter() {
  release(reinterpret_cast<std::byte*>(slots), kSlots * sizeof(Slot));
  slots = nullptr;
}

}  // namespace belay::region
