#include "savepoint/block_pool.h"

#include <bit>
#include <cstring>

namespace belay {

bool BlockPool::open(ExemptZone& zone, size_t bytes) {
  memory_ = zone.take(bytes);
  return !memory_.empty();
}

unsigned BlockPool::shift_of(size_t bytes) {
  unsigned shift = bytes <= 1 ? 0 : unsigned(std::bit_width(bytes - 1));
  return shift < kLeastShift ? kLeastShift : shift;
}

void* BlockPool::take(size_t bytes) {
  unsigned shift = shift_of(bytes);
  if (shift >= kShifts) return nullptr;
  size_t size = size_t{1} << shift;
  void* block = free_[shift];
  if (block != nullptr) {
    memcpy(&free_[shift], block, sizeof(void*));
  } else {
    if (size > memory_.size() - used_) return nullptr;
    block = memory_.data() + used_;
    used_ += size;
  }
  in_use_ += size;
  memset(block, 0, bytes);
  return block;
}

void BlockPool::give(void* block, size_t bytes) {
  if (block == nullptr) return;
  unsigned shift = shift_of(bytes);
  memcpy(block, &free_[shift], sizeof(void*));
  free_[shift] = block;
  in_use_ -= size_t{1} << shift;
}

}  // namespace belay
