// libtorch, behind the same interface as Eigen, and for TorchScript models that were trained
// elsewhere. A library of its own, libbelay_learn_torch, loaded where a model asks for it: no other
// program carries it. What libtorch allocates is the program's memory, and goes back with it.
#pragma once

#include <memory>
#include <string>

#include "learn/backend.h"

namespace belay {

// Not thread-safe.
class TorchScript {
 public:
  virtual ~TorchScript() = default;
  // From float [1, values], or [1, channels, height, width] of a picture. Fails with EBADMSG when
  // the script fails, or gives another number of values than `outputs` has room for.
  virtual Status decide(Volume shape, std::span<const float> inputs, std::span<float> outputs) = 0;
};

class TorchComponent {
 public:
  virtual ~TorchComponent() = default;
  virtual const Backend& backend() const = 0;
  // Fails with EBADMSG.
  virtual Result<std::unique_ptr<TorchScript>> load_script(const std::string& path) const = 0;
};

// The same only where both sides mean the same by the classes above. Sizes tell most changes; the
// first factor is to be changed with any other.
constexpr uint64_t kTorchInterface =
    uint64_t{1} * 1'000'003 + sizeof(Network) * 1009 + sizeof(Workspace) * 101 + sizeof(Error);

constexpr char kTorchLibrary[] = "libbelay_learn_torch.so.0";
constexpr char kTorchEntry[] = "belay_learn_torch_backend";
// Null for another interface than its own.
using TorchEntry = const TorchComponent* (*)(uint64_t interface);

// Loads it at the first call. Fails with ENOENT when it is not installed or can't be loaded, EPROTO
// when it is of another version. Not thread-safe.
Result<const TorchComponent*> torch_component();

}  // namespace belay
