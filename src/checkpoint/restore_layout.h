// Address space of a restore: where the restorer can live, and in what order things are mapped.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "checkpoint/lazy_fill.h"
#include "image/description.h"
#include "restorer/plan.h"
#include "store/reader.h"

namespace belay {

// [vvar*] and [vdso] of this process, ascending.
Result<std::vector<AddressRange>> own_kernel_mappings();

// A page-aligned hole of `bytes` that neither the image nor this process uses.
Result<uint64_t> find_hole(const Description& description, uint64_t bytes);

// The system calls that replace this process's memory by the image's. `block`: the restorer's
// memory, which stays; `carried`: exempt memory, which stays too, empty for none. `scratch`: in it,
// room for the kernel's mappings on their way. `high_fd`: descriptors from here on are Belay's own.
// `store_fd`: the checkpoint's file by then. Opens the files that are mapped, and
// adds them to `files`, also where it fails.
// `lazy`: leaves out what lazy_fill.h fills later.
Result<std::vector<RestoreCall>> plan_memory(const Description& description,
                                             const LoadedCheckpoint& checkpoint, int store_fd,
                                             AddressRange block, AddressRange carried,
                                             uint64_t scratch, int high_fd, bool lazy,
                                             std::vector<int>* files);

}  // namespace belay
