#include "checkpoint/image_places.h"

#include "base/check.h"

namespace belay {

void ImagePlaces::open(std::span<Part> memory, std::span<const AddressRange> ranges) {
  memory_ = memory;
  count_ = 0;
  BELAY_CHECK(ranges.size() <= memory.size());
  for (const AddressRange& range : ranges)
    memory_[count_++] = {range.start, range.end, range.start, false};
}

const ImagePlaces::Part& ImagePlaces::holding(uint64_t image_address) const {
  for (const Part& part : parts())
    if (part.start <= image_address && image_address < part.end) return part;
  BELAY_CHECK(false);
  __builtin_unreachable();
}

const ImagePlaces::Part* ImagePlaces::at(uint64_t address) const {
  for (const Part& part : parts())
    if (!part.gone && part.now <= address && address < part.now_end()) return &part;
  return nullptr;
}

// Makes a present address the border of two parts, where it is inside one.
bool ImagePlaces::split(uint64_t address) {
  for (Part& part : parts()) {
    if (part.gone || address <= part.now || address >= part.now_end()) continue;
    if (count_ == memory_.size()) return false;
    uint64_t middle = part.start + (address - part.now);
    memory_[count_++] = {middle, part.end, address, false};
    part.end = middle;
    return true;  // present parts do not overlap
  }
  return true;
}

bool ImagePlaces::move(uint64_t from, uint64_t to, uint64_t bytes) {
  if (!split(from) || !split(from + bytes)) return false;
  for (Part& part : parts())
    if (!part.gone && part.now >= from && part.now_end() <= from + bytes)
      part.now = to + (part.now - from);
  return true;
}

bool ImagePlaces::unmap(uint64_t start, uint64_t end) {
  if (!split(start) || !split(end)) return false;
  for (Part& part : parts())
    if (part.now >= start && part.now_end() <= end) part.gone = true;
  return true;
}

}  // namespace belay
