// From a running program to a checkpoint: rounds of copying while it runs, then a pause that copies
// only what the last round left.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"
#include "checkpoint/engine.h"
#include "checkpoint/process_facts.h"

namespace belay {

// How a mapping of the process is treated. Errors name what cannot be captured.
enum class MappingUse { kSkip, kScan, kWhole, kPresent, kDescribeOnly };
Result<MappingUse> mapping_use(const Engine& engine, const Mapping& mapping);

// Appends a MappingRecord for each mapping that comes back.
Status describe_mappings(const Engine& engine, std::span<const Mapping> mappings,
                         DescriptionWriter& writer);

// Appends a ThreadRecord for each stopped thread.
Status describe_threads(std::span<const StoppedThread> threads, DescriptionWriter& writer);

// How many pages lie in what is to be scanned and is not watched yet. Overwrites engine.runs.
Result<uint64_t> unwatched_pages(Engine& engine, std::span<const Mapping> mappings);
// From now on it does. Only in a pause: see DirtyTracker::watch().
Status watch(Engine& engine, std::span<const Mapping> mappings);

// While the program runs, of what is watched: every page, or those written since the last scan. In
// the pause: every page, told by the quickest means which ones were written; watches all.
enum class ScanFor { kAll, kWritten, kPause };

// Finds the pages that belong into the image, into engine.runs. Returns how many runs.
Result<size_t> find_pages(Engine& engine, std::span<const Mapping> mappings, ScanFor what);

}  // namespace belay
