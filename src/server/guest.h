// What a virtual machine boots: runs src/server/guest/build-guest.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace belay {

struct GuestOptions {
  std::string builder;  // build-guest
  std::string output;   // folder for "kernel" and "initrd"
  std::string cache;    // "": build-guest's own
  std::vector<std::string> environment, files;
  std::vector<std::string> program;  // with its arguments
};

// ENOPKG: what it needs cannot be had on this machine; it has said on standard error what.
Status build_guest(const GuestOptions& options);

}  // namespace belay
