// Writing checkpoints: two generations, of which one is always complete.
//
// Everything here runs on Belay's helper thread while the program runs, or is stopped: it allocates
// nothing, uses no libc state, and does all I/O through an Os. Not thread-safe.
#pragma once

#include <span>

#include "base/error.h"
#include "base/os.h"
#include "base/page.h"
#include "store/block_stream.h"

namespace belay {

constexpr size_t kStorePathBytes = 3072;

// Where the last good checkpoint of a store is. All zero: there is none.
struct StorePosition {
  uint64_t sequence = 0;    // of the last good checkpoint; the next one gets sequence + 1
  uint32_t generation = 0;  // 0 or 1: the file it is in
  uint32_t segments = 0;    // in that file, up to and including it
  uint64_t end_offset = 0;  // where the next segment of that generation begins
  uint64_t base_bytes = 0;  // size of the generation's first (full) segment
};

// Written into METADATA; a restore compares it.
struct BuildIdentity {
  uint8_t build_id[20] = {};  // of the executable; zeros where it has none
  uint8_t build_id_bytes = 0;
};

// One checkpoint on its way to disk.
//
//     writer.begin(position, /*full=*/false, identity)
//     writer.append(address, pages, count) ...   // while the program runs, any number of rounds
//     writer.discard(address, count) ...
//     writer.commit(description, taken_unix_ns)  // durable when it returns
//
// The same page may be appended again: the last one counts. Any error gives the checkpoint up, as
// abandon() does: the last good one is untouched, and begin() may be called again. Sequence numbers
// grow by one, or by more after an attempt that failed when its WRITE_LOCK may have been 1 on disk.
class CheckpointWriter {
 public:
  // `memory`: page-aligned, at least kMemoryBytes, lives as long as the writer: I/O buffers and the
  // page index, which grows into the rest of it. `directory`: the instance's folder, which exists.
  static constexpr size_t kMemoryBytes = 64 << 20;
  Status open(Os& os, const char* directory, std::span<std::byte> memory,
              IoMode mode = IoMode::kThread);

  // Starts writing: a full checkpoint into the generation that does not hold position.sequence, as
  // a new file; otherwise a segment appended at position.end_offset. WRITE_LOCK is 0 from here on.
  Status begin(const StorePosition& position, bool full, const BuildIdentity& identity);

  // Copies `count` pages of 4 KiB from `pages` into the I/O buffers, checksums each, and hands full
  // buffers to the I/O thread. Blocks only when all buffers are on their way to the disk.
  Status append(ImageAddress address, const std::byte* pages, uint64_t count);

  // These pages read as zeros from now on (unmapped, or given back to the kernel).
  Status discard(ImageAddress address, uint64_t count);

  // Index and description follow; sync; WRITE_LOCK 1; sync. Returns the new position.
  Result<StorePosition> commit(std::span<const std::byte> description, uint64_t taken_unix_ns);

  // Gives up what begin() started. The last good checkpoint is untouched.
  void abandon();

  uint64_t written_bytes() const;  // of the checkpoint that is being written, or of the last one
  int fd() const;  // the file being written, which the program's image must not contain; else -1
  void close();

 private:
  struct Impl;
  Impl* impl_ = nullptr;  // lives at the front of `memory`
};

}  // namespace belay
