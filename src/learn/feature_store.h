// The database store: names to values, in ordinary memory, so that it goes back with the program.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/checksum.h"
#include "learn/network.h"

namespace belay {

struct Feature {
  std::vector<float> values;
  Volume shape;
};

class FeatureStore {
 public:
  // The feature of this name, made when there is none. References stay valid.
  Feature& at(std::string_view name);
  // The same, or null.
  Feature* find(std::string_view name);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return checksum(name.data(), name.size()); }
  };
  std::unordered_map<std::string, Feature, Hash, std::equal_to<>> features_;
};

}  // namespace belay
