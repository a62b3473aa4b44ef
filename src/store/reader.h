// Reading a store: which checkpoints it holds, which are whole, and the pages of one of them.
// Ordinary code: allocates, may be slow. Thread-compatible.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/os.h"
#include "base/page.h"
#include "store/writer.h"

namespace belay {

// One segment of a generation file as found; `problem` is empty for one that can be restored.
struct CheckpointInfo {
  StorePosition position;
  bool full = false;
  uint64_t taken_unix_ns = 0;
  uint64_t file_bytes = 0;  // of this segment in the store
  uint64_t data_pages = 0;  // pages with data in this segment
  uint64_t discarded_pages = 0;
  uint64_t description_bytes = 0;
  BuildIdentity identity;
  std::string file;         // path of the generation file
  std::string problem;      // "WRITE_LOCK is 0: the program died while writing it", ...
  bool unfinished = false;  // that problem: no damage, nothing was ever promised
};

// Where a run of pages lies. Runs of a loaded checkpoint are sorted by address and disjoint.
struct StoredRun {
  ImageAddress address;
  uint64_t page_count = 0;
  uint64_t file_offset = 0;     // 4 KiB-aligned, in the generation file
  uint64_t checksum_index = 0;  // of its first page, in LoadedCheckpoint::checksums
};

struct LoadedCheckpoint {
  CheckpointInfo info;
  int fd = -1;                         // the generation file, read-only; owned by the caller
  std::vector<StoredRun> runs;         // of the whole checkpoint: all its segments merged
  std::vector<uint64_t> checksums;     // per page
  std::vector<std::byte> description;  // verified
};

// How much a listing verifies beside METADATA: load_checkpoint() verifies what it loads by itself.
enum class ListDepth { kMetadata, kIndexAndDescription };

// All segments of both generations, newest sequence first, damaged ones with their problem. Pages
// are not verified. Files owned by another user are refused with a problem. An empty or missing
// directory is an empty list.
Result<std::vector<CheckpointInfo>> list_checkpoints(
    Os& os, const std::string& directory, ListDepth depth = ListDepth::kIndexAndDescription);

// The same for one generation file, in the order in which they were taken.
Result<std::vector<CheckpointInfo>> list_generation_file(Os& os, const std::string& path,
                                                         uint32_t generation,
                                                         ListDepth depth = ListDepth::kMetadata);

// Opens one and merges the page tables of its generation up to it.
Result<LoadedCheckpoint> load_checkpoint(Os& os, const CheckpointInfo& info);

// The newest that is whole (`sequence` 0) or the one asked for. What was skipped, and why, is
// appended to `skipped` as sentences. ENOENT when none was ever finished, EBADMSG when none is
// whole.
Result<LoadedCheckpoint> load_newest(Os& os, const std::string& directory, uint64_t sequence,
                                     std::vector<std::string>* skipped);

// Reads and checks every page on `threads` threads (0: one a core). EBADMSG names the first bad
// one: its address, its offset, its file. `progress(done_bytes, total_bytes)` from one thread.
Status verify_pages(Os& os, const LoadedCheckpoint& checkpoint, unsigned threads,
                    const std::function<void(uint64_t, uint64_t)>& progress = {});

// Checks pages [first, first + count) of `run`, already read into `data`.
Status verify_run(const LoadedCheckpoint& checkpoint, const StoredRun& run, uint64_t first,
                  uint64_t count, const std::byte* data);

}  // namespace belay
