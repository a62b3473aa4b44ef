#include "learn/backend.h"

namespace belay {

Workspace::Workspace(const Network& network, size_t batch_max, bool training)
    : batch_max_(batch_max), batch_(batch_max) {
  constexpr size_t kAlignment = 16;  // floats: a cache line
  size_t used = 0;
  auto take = [&used](size_t count) {
    size_t start = used;
    used += (count + kAlignment - 1) / kAlignment * kAlignment;
    return start;
  };
  auto layers = network.layers();
  size_t patch_values = 0;
  for (size_t i = 0; i <= layers.size(); i++) {
    size_t size = i == 0 ? layers[0].in.size() : layers[i - 1].out.size();
    values_[i] = take(size * batch_max);
    if (training) deltas_[i] = take(size * batch_max);
    if (i > 0 && layers[i - 1].kind == LayerKind::kConvolution)
      patch_values = std::max(patch_values, layers[i - 1].fan_in() * layers[i - 1].positions());
  }
  patches_ = take(patch_values);
  if (training) patch_deltas_ = take(patch_values);
  memory_.resize(used);
}

void Workspace::set_batch(size_t batch) {
  BELAY_CHECK(batch > 0 && batch <= batch_max_);
  batch_ = batch;
}

}  // namespace belay
