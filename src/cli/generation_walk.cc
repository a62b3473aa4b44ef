#include "cli/generation_walk.h"

#include <errno.h>
#include <fcntl.h>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

// A copy may have any name, so the number in the file's first block counts, if it is one.
uint32_t generation_of(const GenerationFile& file) {
  format::Metadata block = {};
  real_os().pread(file.fd, &block, sizeof block, 0);
  return block.generation < format::kGenerations ? block.generation : 0;
}

}  // namespace

Error walk_generation(
    const std::string& path,
    const std::function<void(const GenerationFile&, const format::Metadata&)>& visit) {
  auto opened = open_generation(real_os(), path.c_str(), O_RDONLY);
  if (!opened) {
    throw Failure(exit_code_of_errno(opened.error().code), std::string(opened.error().text()));
  }
  SegmentLink link{.generation = generation_of(*opened)};
  format::Metadata block;
  Status status;
  while ((status = read_metadata(real_os(), *opened, link, &block))) {
    visit(*opened, block);
    link = link.after(block);
  }
  real_os().close(opened->fd);
  return status.error();
}

bool is_incomplete(const Error& end) {
  return end.code == ENODATA || end.code == EINPROGRESS || end.code == ESTALE;
}

}  // namespace belay::cli
