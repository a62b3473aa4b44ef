#include "learn/torch_component.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

namespace belay {
namespace {

// OpenBLAS starts a thread for each processor when it is loaded, and every checkpoint would have to
// stop them.
class OneBlasThread {
 public:
  OneBlasThread() : mine_(getenv(kName) == nullptr) {
    if (mine_) setenv(kName, "1", 0);
  }
  ~OneBlasThread() {
    if (mine_) unsetenv(kName);
  }
  OneBlasThread(const OneBlasThread&) = delete;

 private:
  static constexpr char kName[] = "OPENBLAS_NUM_THREADS";
  bool mine_;
};

}  // namespace

Result<const TorchComponent*> torch_component() {
  static const TorchComponent* loaded = nullptr;
  if (loaded != nullptr) return loaded;
  OneBlasThread one_thread;
  void* library = dlopen(kTorchLibrary, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return fail(ENOENT, "libtorch can't be used: {}", dlerror());
  auto entry = reinterpret_cast<TorchEntry>(dlsym(library, kTorchEntry));
  if (entry != nullptr) loaded = entry(kTorchInterface);
  if (loaded == nullptr)
    return fail(EPROTO, "libtorch can't be used: {} is of another version of Belay", kTorchLibrary);
  return loaded;
}

}  // namespace belay
