// What a ProcessRecord says, gathered from /proc: the part that does not change once, at start.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "checkpoint/shared.h"
#include "image/description.h"

namespace belay {

struct ProcessFacts {
  char executable[4096];
  char command_line[32768];
  size_t command_line_bytes = 0;
  uint64_t
      memory_layout[11];  // fields of /proc/self/stat, in ProcessRecord's order from start_code
  uint64_t auxv[kAuxvWords];
  uint32_t auxv_bytes = 0;
  uint8_t boot_id[16];
  uint64_t vdso_checksum = 0;
};

// Reads all of it; raw system calls only.
Status read_process_facts(ProcessFacts* facts);

// Appends the ProcessRecord and a SignalActionRecord for each signal. While threads stand still.
// The signals that wait for one thread ("SigPnd"), or for the process ("ShdPnd"); not Belay's own.
uint64_t pending_signals_of_thread(int tid);
uint64_t pending_signals_of_process();

Status describe_process(const ProcessFacts& facts, const Shared& shared, uint64_t thread_count,
                        DescriptionWriter& writer);

// The build-id of the executable of this process; no bytes where it has none.
BuildIdentity own_build_identity();

// Checksum of the vdso mapped in this process, 0 where there is none.
uint64_t own_vdso_checksum(std::span<const uint64_t> auxv);

}  // namespace belay
