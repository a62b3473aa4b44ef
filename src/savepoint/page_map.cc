#include "savepoint/page_map.h"

#include <cstring>

namespace belay {

bool PageMaps::open(ExemptZone& zone, size_t nodes_max, PageStore& pages) {
  pages_ = &pages;
  nodes_ = zone.take<Node>(nodes_max);
  owners_ = zone.take<uint32_t>(nodes_max);
  return !nodes_.empty() && !owners_.empty();
}

PageStore::Id PageMaps::get(const Map& map, Slot slot) const {
  if (uint64_t{slot} >> (kBits * map.height) != 0) return PageStore::kNone;
  uint32_t node = map.node;
  for (uint32_t height = map.height; height > 0 && node != 0; height--)
    node = nodes_[node].child[slot >> (kBits * (height - 1)) & (kFanOut - 1)];
  return node;
}

uint32_t PageMaps::make() {
  uint32_t node = free_;
  if (node != 0)
    free_ = nodes_[node].child[0];
  else if (made_ < nodes_.size())
    node = made_++;
  else
    return 0;
  memset(&nodes_[node], 0, sizeof(Node));
  owners_[node] = 1;
  in_use_++;
  return node;
}

void PageMaps::keep_below(const Node& node, uint32_t height) {
  for (uint32_t child : node.child) {
    if (child == 0) continue;
    if (height == 1)
      pages_->keep(child);
    else
      owners_[child]++;
  }
}

// The node itself if nobody else has it, or a copy that replaces it; 0 without room.
uint32_t PageMaps::own(uint32_t node, uint32_t height) {
  if (node == 0) return make();
  if (owners_[node] == 1) return node;
  uint32_t copy = make();
  if (copy == 0) return 0;
  nodes_[copy] = nodes_[node];
  keep_below(nodes_[copy], height);
  owners_[node]--;
  return copy;
}

bool PageMaps::set(Map& map, Slot slot, PageStore::Id page) {
  while (uint64_t{slot} >> (kBits * map.height) != 0) {
    if (map.node != 0) {
      uint32_t root = make();
      if (root == 0) {
        if (page != PageStore::kNone) pages_->drop(page);
        return false;
      }
      nodes_[root].child[0] = map.node;
      map.node = root;
    }
    map.height++;
  }
  uint32_t* at = &map.node;
  for (uint32_t height = map.height; height > 0; height--) {
    uint32_t node = own(*at, height);
    if (node == 0) {
      if (page != PageStore::kNone) pages_->drop(page);
      return false;
    }
    *at = node;
    at = &nodes_[node].child[slot >> (kBits * (height - 1)) & (kFanOut - 1)];
  }
  if (*at != PageStore::kNone) pages_->drop(*at);
  *at = page;
  return true;
}

PageMaps::Map PageMaps::share(const Map& map) {
  if (map.node != 0) owners_[map.node]++;
  return map;
}

void PageMaps::drop_node(uint32_t node, uint32_t height) {
  if (node == 0 || --owners_[node] != 0) return;
  for (uint32_t child : nodes_[node].child) {
    if (child == 0) continue;
    if (height == 1)
      pages_->drop(child);
    else
      drop_node(child, height - 1);
  }
  nodes_[node].child[0] = free_;
  free_ = node;
  in_use_--;
}

void PageMaps::drop(Map& map) {
  drop_node(map.node, map.height);
  map = {};
}

}  // namespace belay
