// Which copy of the kernels runs is decided once, by what the processor can do.
#include "learn/eigen_kernels.h"

namespace belay {
namespace {

class EigenBackend final : public Backend {
 public:
  EigenBackend(std::string_view name, const EigenKernels& kernels)
      : name_(name), kernels_(kernels) {}
  std::string_view name() const override { return name_; }
  void forward(const Network& network, const float* parameters, Workspace& space) const override {
    kernels_.forward(network, parameters, space);
  }
  void backward(const Network& network, const float* parameters, Workspace& space,
                float* gradient) const override {
    kernels_.backward(network, parameters, space, gradient);
  }

 private:
  std::string_view name_;
  const EigenKernels& kernels_;
};

bool has_avx2() {
#ifdef BELAY_HAS_AVX2_KERNELS
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace

const Backend& eigen_backend() {
  static const EigenBackend baseline("eigen", kEigenKernelsBaseline);
#ifdef BELAY_HAS_AVX2_KERNELS
  static const EigenBackend avx2("eigen, avx2", kEigenKernelsAvx2);
  static const bool use_avx2 = has_avx2();
  if (use_avx2) return avx2;
#endif
  return baseline;
}

}  // namespace belay
