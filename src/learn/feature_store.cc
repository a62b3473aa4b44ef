#include "learn/feature_store.h"

namespace belay {

Feature* FeatureStore::find(std::string_view name) {
  auto found = features_.find(name);
  return found == features_.end() ? nullptr : &found->second;
}

Feature& FeatureStore::at(std::string_view name) {
  if (Feature* feature = find(name)) return *feature;
  return features_.try_emplace(std::string(name)).first->second;
}

}  // namespace belay
