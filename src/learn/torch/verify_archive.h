// Whether a TorchScript file is what was written.
#pragma once

#include <string>

#include "base/error.h"

namespace belay {

// libtorch checks no CRC-32 of the archive that such a file is, and crashes on some of what is
// damaged. Fails with EBADMSG.
Status verify_archive(const std::string& path);

}  // namespace belay
