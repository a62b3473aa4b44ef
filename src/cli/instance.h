// What a store holds: its instances and their checkpoints.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "store/reader.h"

namespace belay::cli {

struct Instance {
  std::string name;
  std::string directory;
  std::vector<CheckpointInfo> checkpoints;  // newest first, damaged ones too
  std::optional<pid_t> running;             // who holds the lock; 0 when it does not say
  std::string refused;  // why the last checkpoint could not be taken; empty: it could
  uint64_t file_bytes = 0;
  bool incomplete[2] = {};  // by generation: it ends in what a program died over, or is writing now

  // Whole as far as METADATA, index and description go; its pages have not been read.
  const CheckpointInfo* newest_whole() const;
  // Not whole, and that is no damage: nothing that was ever complete is lost.
  bool is_incomplete(const CheckpointInfo& info) const;
};

// Sorted by name. Folders that hold nothing of ours are left out.
std::vector<Instance> list_instances(const std::string& store);

// Fails (nothing there) when the store has no folder of this name.
Instance read_instance(const std::string& store, const std::string& name);

// The checkpoint `sequence` of it, or the newest whole one for 0. Fails when there is none.
const CheckpointInfo& find_checkpoint(const Instance& instance, uint64_t sequence);

// The files that checkpoints are in.
std::vector<std::string> generation_files(const std::string& directory);

// Removes checkpoints, lock and folder. The caller holds the InstanceLock.
void remove_instance(const std::string& directory);

}  // namespace belay::cli
