#include "cli/instance.h"

#include <errno.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "cli/exit_code.h"
#include "cli/generation_walk.h"
#include "cli/instance_lock.h"
#include "cli/store_path.h"
#include "store/named.h"

namespace belay::cli {
namespace fs = std::filesystem;
namespace {

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The reader gives no size to what it found where METADATA ended.
bool is_end_of_chain(const CheckpointInfo& info) {
  return !info.problem.empty() && info.file_bytes == 0;
}

// Of some that have a name, more than one path leads to the same file.
std::vector<std::string> checkpoint_files(const std::string& directory) {
  std::vector<std::string> files = generation_files(directory);
  for (const NamedCheckpoint& named : require(list_named(directory))) files.push_back(named.file);
  return files;
}

Instance read_directory(const std::string& name, const std::string& directory) {
  Instance instance;
  instance.name = name;
  instance.directory = directory;
  instance.checkpoints = require(list_checkpoints(real_os(), directory));
  instance.running = lock_holder(directory);
  instance.refused = read_line(directory + "/refused");
  std::set<ino_t> counted;  // checkpoints share files
  for (const std::string& file : checkpoint_files(directory)) {
    struct stat info;  // it may have been replaced just now
    if (stat(file.c_str(), &info) == 0 && counted.insert(info.st_ino).second)
      instance.file_bytes += std::min(uint64_t(info.st_size), uint64_t(info.st_blocks) * 512);
  }
  for (const CheckpointInfo& info : instance.checkpoints) {
    if (!is_end_of_chain(info)) continue;
    try {
      instance.incomplete[info.position.generation & 1] =
          cli::is_incomplete(walk_generation(info.file, [](auto&, auto&) {}));
    } catch (const Failure&) {  // which info.problem tells
    }
  }
  return instance;
}

}  // namespace

const CheckpointInfo* Instance::newest_whole() const {
  auto whole = std::find_if(checkpoints.begin(), checkpoints.end(),
                            [](const CheckpointInfo& info) { return info.problem.empty(); });
  return whole != checkpoints.end() ? &*whole : nullptr;
}

bool Instance::is_incomplete(const CheckpointInfo& info) const {
  return is_end_of_chain(info) && incomplete[info.position.generation & 1];
}

std::vector<Instance> list_instances(const std::string& store) {
  std::vector<Instance> instances;
  std::error_code error;
  fs::directory_iterator folder(store, error);
  if (error.value() == ENOENT) return instances;
  if (error) {
    throw Failure(exit_code_of_errno(error.value()), fmt::format("{}: {}", store, error.message()));
  }
  for (const fs::directory_entry& entry : folder) {
    if (!entry.is_directory()) continue;
    Instance instance = read_directory(entry.path().filename().string(), entry.path().string());
    if (!instance.checkpoints.empty() || instance.running || !instance.refused.empty()) {
      instances.push_back(std::move(instance));
    }
  }
  std::sort(instances.begin(), instances.end(),
            [](const Instance& a, const Instance& b) { return a.name < b.name; });
  return instances;
}

Instance read_instance(const std::string& store, const std::string& name) {
  check_name(name);
  std::string directory = instance_directory(store, name);
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    throw Failure(kExitNothing, fmt::format("no checkpoints of \"{}\" in {}", name, store));
  }
  return read_directory(name, directory);
}

const CheckpointInfo& find_checkpoint(const Instance& instance, uint64_t sequence) {
  if (instance.checkpoints.empty()) {
    throw Failure(kExitNothing,
                  fmt::format("no checkpoints of \"{}\" in {}", instance.name, instance.directory));
  }
  if (sequence == 0) {
    const CheckpointInfo* newest = instance.newest_whole();
    if (newest != nullptr) return *newest;
    const CheckpointInfo& first = instance.checkpoints.front();
    throw Failure(kExitData, fmt::format("no checkpoint of \"{}\" is whole; the newest, {}: {}",
                                         instance.name, first.position.sequence, first.problem));
  }
  for (const CheckpointInfo& info : instance.checkpoints) {
    if (info.position.sequence == sequence) return info;
  }
  throw Failure(kExitNothing, fmt::format("\"{}\" has no checkpoint {}; see `belay show {}`",
                                          instance.name, sequence, instance.name));
}

std::vector<std::string> generation_files(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().filename().string().starts_with("generation.")) {
      files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void remove_instance(const std::string& directory) {
  std::vector<std::string> files = checkpoint_files(directory);
  files.push_back(directory + "/refused");
  files.push_back(directory + "/lock");  // last but the folder: until then nobody else gets in
  for (const std::string& file : files) {
    std::error_code error;
    fs::remove(file, error);
    if (error) {
      throw Failure(exit_code_of_errno(error.value()),
                    fmt::format("{}: {}", file, error.message()));
    }
  }
  std::error_code not_empty;  // files of somebody else's stay, and the folder with them
  fs::remove(directory + "/" + kNamedFolder, not_empty);
  fs::remove(directory, not_empty);
}

}  // namespace belay::cli
