// Checkpoints that stay under a name, whatever is taken later.
//
//   DIRECTORY/named/NAME@SEQUENCE.GENERATION   another link to the file that checkpoint is in
//
// A full checkpoint always begins a new file, and an increment only adds to one: what a link leads
// to stays as it was, and costs nothing beside the checkpoint itself. Checkpoints in one file share
// it; once the writer has left it, reclaim_named() gives back what no name needs any more.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/os.h"
#include "store/reader.h"

namespace belay {

constexpr const char* kNamedFolder = "named";
constexpr size_t kCheckpointNameMax = 63;

// 1 to 63 letters, digits, '-', '_' and '.', the first not a '.'.
bool is_checkpoint_name(std::string_view name);

struct NamedCheckpoint {
  std::string name, file;
  uint64_t sequence = 0;
  uint32_t generation = 0;
};

// Durable when it returns. Allocates nothing. pre: the name is one, and is free.
Status name_checkpoint(Os& os, const char* directory, const StorePosition& position,
                       const char* name);

// In the order in which they were taken.
Result<std::vector<NamedCheckpoint>> list_named(const std::string& directory);
// ENOENT: there is none of this name.
Result<NamedCheckpoint> find_named(const std::string& directory, const std::string& name);
// Where it can be loaded from; `problem` says why it can't.
Result<CheckpointInfo> read_named(Os& os, const NamedCheckpoint& named);

// pre: no process fills its memory from it.
Status drop_named(Os& os, const std::string& directory, const std::string& name);
Status reclaim_named(Os& os, const std::string& directory);

// What generations and named checkpoints occupy together, with no file counted twice.
Result<uint64_t> disk_bytes(const std::string& directory);

}  // namespace belay
