// The server's memory on disk: what it has confirmed is here, and whole, whenever it is killed.
//
//   FOLDER/lock                       held by the server that runs
//   FOLDER/clients/NAME/client.json   its snapshots
//   FOLDER/clients/NAME/files/FILE    what it has SET last
//   FOLDER/clients/NAME/images/ID/    of the driver `criu`
//
// Each file is written beside, synced, renamed, and the folder synced.
#pragma once

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/os.h"
#include "server/catalog.h"

namespace belay {

// A file that comes in. Abandoned unless it is committed.
class IncomingFile {
 public:
  IncomingFile() = default;
  ~IncomingFile() { abandon(); }
  IncomingFile(const IncomingFile&) = delete;

  Status open(Os& os, const std::string& folder, std::string_view name, uint64_t number);
  Status append(std::span<const std::byte> data);
  // Lets the disk begin while more comes, so that commit() waits for less. May take long; on any
  // thread.
  void write_behind();
  uint64_t bytes() const { return bytes_; }
  // Durable when it returns. May take long; on any thread.
  Status commit();
  void abandon();
  bool is_open() const { return fd_ >= 0; }

 private:
  Os* os_ = nullptr;
  std::string folder_, path_, temporary_;
  std::mutex in_use_;  // the descriptor: commit() closes it
  int fd_ = -1;
  uint64_t bytes_ = 0;
};

class StateFolder {
 public:
  // Makes the folder, mode 0700, and holds its lock. Fails with EBUSY when another server does,
  // EPERM when it belongs to somebody else.
  static Result<StateFolder> open(Os& os, const std::string& path);
  ~StateFolder();
  StateFolder(StateFolder&& other) noexcept;
  StateFolder(const StateFolder&) = delete;

  Os& os() const { return *os_; }
  const std::string& path() const { return path_; }
  std::string files_of(std::string_view client) const;
  std::string images_of(std::string_view client) const;

  // Puts what is on disk into the catalogue. What is damaged is set aside, with a warning; fails
  // where something can't be read.
  Status load(Catalog& catalog);
  Status make_client(std::string_view client);
  size_t count_files(std::string_view client) const;
  static std::string serialise(const Client& client);
  // Nothing must be asked of it afterwards. Another server that begins meanwhile is refused.
  void remove_if_empty() const;
  // On any thread, one at a time for a client.
  Status save(const std::string& client, const std::string& serialised) const;

 private:
  StateFolder(Os& os, std::string path, int lock) : os_(&os), path_(std::move(path)), lock_(lock) {}

  Os* os_;
  std::string path_;
  int lock_;
};

}  // namespace belay
