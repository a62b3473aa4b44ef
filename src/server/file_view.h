// A file's contents, mapped: it is sent as it is, and stays whole when another takes its name.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace belay {

class FileView {
 public:
  // Fails with ENOENT.
  static Result<std::shared_ptr<FileView>> open(const std::string& path);
  ~FileView();
  FileView(const FileView&) = delete;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit FileView(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace belay
