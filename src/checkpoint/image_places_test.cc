#include "checkpoint/image_places.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace belay {
namespace {

// Goal: whatever is moved and unmapped, each page of the image is found where it lies by now.
TEST(ImagePlaces, FollowsMovesAndUnmaps) {
  const char* text = getenv("BELAY_SEED");
  unsigned seed = text != nullptr ? unsigned(atoi(text)) : 1;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; round++) {
    ImagePlaces::Part memory[512];
    AddressRange ranges[] = {{100, 140}, {200, 260}};
    ImagePlaces places;
    places.open(memory, ranges);
    std::map<uint64_t, uint64_t> image_at;  // the model: present address to image address
    for (const AddressRange& range : ranges)
      for (uint64_t at = range.start; at < range.end; at++) image_at[at] = at;
    for (int step = 0; step < 40; step++) {
      uint64_t from = 90 + random() % 400, bytes = 1 + random() % 50;
      uint64_t to = step % 3 == 0 ? from : 1000 + random() % 400;
      auto clear = [&](uint64_t start, uint64_t end) {
        ASSERT_TRUE(places.unmap(start, end));
        image_at.erase(image_at.lower_bound(start), image_at.lower_bound(end));
      };
      if (to == from) {
        clear(from, from + bytes);
        continue;
      }
      if (step % 2 == 0) from += 900;
      if (from < to + bytes && to < from + bytes) continue;  // as mremap(2) refuses
      clear(to, to + bytes);
      ASSERT_TRUE(places.move(from, to, bytes));
      for (uint64_t i = 0; i < bytes; i++) {
        auto found = image_at.find(from + i);
        if (found == image_at.end()) continue;
        image_at[to + i] = found->second;
        image_at.erase(from + i);
      }
    }
    for (uint64_t at = 0; at < 1500; at++) {
      const ImagePlaces::Part* part = places.at(at);
      auto expected = image_at.find(at);
      ASSERT_EQ(part != nullptr, expected != image_at.end()) << at;
      if (part == nullptr) continue;
      ASSERT_EQ(part->start + (at - part->now), expected->second);
      ASSERT_EQ(&places.holding(expected->second), part);
    }
  }
}

// Goal: a range that lies partly in the image is told in the image's addresses.
TEST(ImagePlaces, TellsWhatLiesInARange) {
  ImagePlaces::Part memory[8];
  AddressRange ranges[] = {{100, 200}};
  ImagePlaces places;
  places.open(memory, ranges);
  ASSERT_TRUE(places.move(150, 500, 50));
  uint64_t pages = 0;
  places.for_each_in(480, 520, [&](uint64_t start, uint64_t end) {
    EXPECT_EQ(start, 150u);
    EXPECT_EQ(end, 170u);
    pages += end - start;
  });
  EXPECT_EQ(pages, 20u);
}

// Goal: more parts than there is memory for are refused, and nothing is lost.
TEST(ImagePlaces, RefusesTooManyParts) {
  ImagePlaces::Part memory[2];
  AddressRange ranges[] = {{100, 200}};
  ImagePlaces places;
  places.open(memory, ranges);
  EXPECT_FALSE(places.move(120, 500, 10));
}

}  // namespace
}  // namespace belay
