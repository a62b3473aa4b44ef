// Which copy each page has in a savepoint: a tree that is never changed once a savepoint owns it
// (Driscoll et al., "Making Data Structures Persistent", 1989). A savepoint that differs from
// another in n pages shares all but some n paths with it, and what differs between any two is found
// without looking at what they share. Pages are named by slots, which are dense, so that a path is
// short: 4 nodes of 64 bytes for 256 MiB. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "savepoint/page_store.h"

namespace belay {

class PageMaps {
 public:
  using Slot = uint32_t;
  // Covers the slots below 16^height; those beyond have no copy.
  struct Map {
    uint32_t node = 0;
    uint32_t height = 0;
  };

  bool open(ExemptZone& zone, size_t nodes_max, PageStore& pages);

  PageStore::Id get(const Map& map, Slot slot) const;
  // Gives `slot` the copy, which the map owns from now on. False when there is no room for nodes;
  // the copy is dropped then.
  bool set(Map& map, Slot slot, PageStore::Id page);

  // A second owner of the same contents, who may change it.
  Map share(const Map& map);
  void drop(Map& map);

  // Calls differs(slot, copy in `to`) for each slot whose copies differ.
  template <class Differs>
  void compare(const Map& from, const Map& to, Differs differs) const {
    uint32_t height = from.height > to.height ? from.height : to.height;
    walk({from.node, from.height}, {to.node, to.height}, height, 0, differs);
  }

  size_t bytes() const { return in_use_ * (sizeof(Node) + sizeof(uint32_t)); }

 private:
  static constexpr unsigned kBits = 4, kFanOut = 1 << kBits;
  struct Node {
    uint32_t child[kFanOut];  // nodes, copies in those of height 1; 0: nothing below
  };
  static_assert(sizeof(Node) == 64);
  struct Place {
    uint32_t node;
    uint32_t height;
  };

  uint32_t make();
  uint32_t own(uint32_t node, uint32_t height);
  void keep_below(const Node& node, uint32_t height);
  void drop_node(uint32_t node, uint32_t height);
  // The i-th part of a place that stands for `height`.
  uint32_t below(Place place, uint32_t height, uint32_t i, Place* out) const {
    bool low = place.height < height;
    *out = low ? (i == 0 ? place : Place{0, height - 1}) : Place{0, height - 1};
    if (!low && place.node != 0) out->node = nodes_[place.node].child[i];
    return out->node;
  }

  template <class Differs>
  void walk(Place from, Place to, uint32_t height, Slot first, Differs& differs) const {
    if (from.node == to.node && from.height == to.height) return;
    if (from.node == 0 && to.node == 0) return;
    if (height == 0) {
      differs(first, to.node);
      return;
    }
    for (uint32_t i = 0; i < kFanOut; i++) {
      Place a, b;
      below(from, height, i, &a);
      below(to, height, i, &b);
      walk(a, b, height - 1, first + (i << (kBits * (height - 1))), differs);
    }
  }

  PageStore* pages_ = nullptr;
  std::span<Node> nodes_;
  std::span<uint32_t> owners_;
  uint32_t free_ = 0;  // a list through child[0]
  uint32_t made_ = 1;
  size_t in_use_ = 0;
};

}  // namespace belay
