// Where parts of a restored image lie by now, while the program that runs already moves and unmaps
// them. Allocates nothing, not thread-safe.
#pragma once

#include <cstdint>
#include <span>

namespace belay {

struct AddressRange {
  uint64_t start = 0, end = 0;
};

class ImagePlaces {
 public:
  // Part of the image: what was at [start, end) when it was captured is at `now` and on.
  struct Part {
    uint64_t start, end, now;
    bool gone;  // unmapped
    uint64_t now_end() const { return now + (end - start); }
  };

  // Everything is where it was. `memory` bounds the number of parts; at least a part a range.
  void open(std::span<Part> memory, std::span<const AddressRange> ranges);

  // The part that holds an address of the image; one that is in no range is a bug.
  const Part& holding(uint64_t image_address) const;
  // The one that lies at a present address, or null.
  const Part* at(uint64_t address) const;

  // What is at present in [from, from + bytes) moves to `to`; what is in [start, end) is unmapped.
  // False when the memory for parts is used up.
  [[nodiscard]] bool move(uint64_t from, uint64_t to, uint64_t bytes);
  [[nodiscard]] bool unmap(uint64_t start, uint64_t end);

  // Calls fn(start, end) with the addresses in the image of what lies in [start, end) at present.
  template <class F>
  void for_each_in(uint64_t start, uint64_t end, F fn) const {
    for (const Part& part : parts()) {
      if (part.gone || part.now >= end || part.now_end() <= start) continue;
      uint64_t from = part.now > start ? part.start : part.start + (start - part.now);
      uint64_t to = part.now_end() < end ? part.end : part.start + (end - part.now);
      fn(from, to);
    }
  }

 private:
  std::span<Part> parts() const { return memory_.first(count_); }
  bool split(uint64_t address);

  std::span<Part> memory_;  // not in order
  size_t count_ = 0;
};

}  // namespace belay
