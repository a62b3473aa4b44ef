// The two functions that a backend consists of, compiled once for each kind of processor.
#pragma once

#include "learn/backend.h"

namespace belay {

struct EigenKernels {
  void (*forward)(const Network&, const float* parameters, Workspace&);
  void (*backward)(const Network&, const float* parameters, Workspace&, float* gradient);
};

extern const EigenKernels kEigenKernelsBaseline, kEigenKernelsAvx2;

}  // namespace belay
