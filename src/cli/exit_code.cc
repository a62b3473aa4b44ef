#include "cli/exit_code.h"

#include <errno.h>

namespace belay::cli {

int exit_code_of_errno(int code) {
  switch (code) {
    case ENOENT:
      return kExitNothing;
    case EBADMSG:
      return kExitData;
    case ENOPKG:
      return kExitUnavailable;
    case EACCES:
    case EPERM:
      return kExitPermission;
    case EBUSY:
    case EAGAIN:
      return kExitBusy;
    case EINVAL:
    case EPROTO:
      return kExitConfig;
    default:
      return kExitIo;
  }
}

}  // namespace belay::cli
