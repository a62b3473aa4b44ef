#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>

#include "store/generation.h"
#include "store/index_reader.h"
#include "store/merge.h"

namespace belay {
namespace {

using format::Metadata;

CheckpointInfo info_of(const Metadata& block, const SegmentLink& link, uint64_t base_bytes,
                       const char* path) {
  CheckpointInfo info;
  uint64_t bytes = kPageBytes + block.payload_bytes;
  info.position = {block.sequence, link.generation, link.segment + 1, link.offset + bytes,
                   link.segment == 0 ? bytes : base_bytes};
  info.full = block.kind == format::SegmentKind::kFull;
  info.taken_unix_ns = block.taken_unix_ns;
  info.file_bytes = bytes;
  info.data_pages = block.data_pages;
  info.discarded_pages = block.discarded_pages;
  info.description_bytes = block.description.bytes;
  memcpy(info.identity.build_id, block.build_id, sizeof info.identity.build_id);
  info.identity.build_id_bytes = uint8_t(block.build_id_bytes);
  info.file = path;
  return info;
}

std::string problem_in(Os& os, const GenerationFile& file, const Metadata& block) {
  std::vector<IndexedExtent> extents;
  std::vector<uint64_t> checksums;
  if (auto status = read_index(os, file, block, &extents, &checksums); !status)
    return std::string(status.error().text());
  auto description = read_description(os, file, block);
  return description ? "" : std::string(description.error().text());
}

// What stands where the chain of METADATA ends, if anything does.
void list_end(const Status& status, const Metadata& block, const SegmentLink& link,
              const char* path, std::vector<CheckpointInfo>* out) {
  if (status.error().code == ENODATA && link.segment != 0) return;
  CheckpointInfo info;
  info.position.generation = link.generation;
  info.position.segments = link.segment + 1;
  info.full = link.segment == 0;
  info.file = path;
  if (status.error().code == EINPROGRESS) info.position.sequence = block.sequence;
  info.unfinished = status.error().code == EINPROGRESS || status.error().code == ENODATA;
  info.problem = status.error().code == ENODATA ? "empty: the program died before it wrote anything"
                                                : std::string(status.error().text());
  out->push_back(std::move(info));
}

void list_generation(Os& os, const GenerationFile& file, uint32_t generation, const char* path,
                     ListDepth depth, std::vector<CheckpointInfo>* out) {
  SegmentLink link{.generation = generation};
  std::string broken_base;
  uint64_t base_bytes = 0;
  Metadata block;
  for (;;) {
    if (auto status = read_metadata(os, file, link, &block); !status)
      return list_end(status, block, link, path, out);
    CheckpointInfo info = info_of(block, link, base_bytes, path);
    base_bytes = info.position.base_bytes;
    if (depth == ListDepth::kIndexAndDescription)
      info.problem = broken_base.empty() ? problem_in(os, file, block) : broken_base;
    if (broken_base.empty() && !info.problem.empty())
      broken_base = fmt::format("it builds on checkpoint {}, which is damaged", block.sequence);
    out->push_back(std::move(info));
    link = link.after(block);
  }
}

Result<LoadedCheckpoint> load_from(Os& os, const GenerationFile& file, const CheckpointInfo& info) {
  LoadedCheckpoint loaded;
  std::vector<IndexedExtent> extents;
  SegmentLink link{.generation = info.position.generation};
  Metadata block;
  do {
    BELAY_TRY(read_metadata(os, file, link, &block));
    BELAY_TRY(read_index(os, file, block, &extents, &loaded.checksums));
    link = link.after(block);
  } while (link.segment < info.position.segments);
  if (block.sequence != info.position.sequence)
    return fail(ESTALE, "was replaced by checkpoint {} meanwhile", block.sequence);
  BELAY_ASSIGN(loaded.description, read_description(os, file, block));
  loaded.info = info;
  loaded.runs = merge_extents(std::move(extents));
  loaded.fd = file.fd;
  return loaded;
}

std::string sentence(const CheckpointInfo& info) {
  if (info.position.sequence == 0) return fmt::format("{}: {}", info.file, info.problem);
  return fmt::format("checkpoint {} in {}: {}", info.position.sequence, info.file, info.problem);
}

}  // namespace

Result<std::vector<CheckpointInfo>> list_checkpoints(Os& os, const std::string& directory,
                                                     ListDepth depth) {
  if (directory.size() >= kStorePathBytes)
    return fail(ENAMETOOLONG, "the store's path is longer than {} bytes", kStorePathBytes - 1);
  std::vector<CheckpointInfo> found;
  for (uint32_t generation = 0; generation < format::kGenerations; ++generation) {
    auto path = generation_path(directory.c_str(), generation);
    auto file = open_generation(os, path.text, O_RDONLY);
    if (file) {
      list_generation(os, *file, generation, path.text, depth, &found);
      os.close(file->fd);
    } else if (file.error().code != ENOENT) {
      CheckpointInfo info;
      info.position.generation = generation;
      info.file = path.text;
      info.problem = file.error().text();
      found.push_back(std::move(info));
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.position.sequence > b.position.sequence;
  });
  return found;
}

Result<std::vector<CheckpointInfo>> list_generation_file(Os& os, const std::string& path,
                                                         uint32_t generation, ListDepth depth) {
  BELAY_ASSIGN(GenerationFile file, open_generation(os, path.c_str(), O_RDONLY));
  std::vector<CheckpointInfo> found;
  list_generation(os, file, generation, path.c_str(), depth, &found);
  os.close(file.fd);
  return found;
}

Result<LoadedCheckpoint> load_checkpoint(Os& os, const CheckpointInfo& info) {
  if (!info.problem.empty()) return fail(EBADMSG, "{}", sentence(info));
  BELAY_ASSIGN(GenerationFile file, open_generation(os, info.file.c_str(), O_RDONLY));
  auto loaded = load_from(os, file, info);
  if (loaded) return loaded;
  os.close(file.fd);
  return fail(loaded.error().code, "checkpoint {}: {} ({})", info.position.sequence,
              loaded.error().text(), info.file);
}

Result<LoadedCheckpoint> load_newest(Os& os, const std::string& directory, uint64_t sequence,
                                     std::vector<std::string>* skipped) {
  BELAY_ASSIGN(auto found, list_checkpoints(os, directory, ListDepth::kMetadata));
  if (found.empty()) return fail(ENOENT, "no checkpoint in {}", directory);
  std::string first_problem;
  auto skip = [&](std::string why) {
    if (first_problem.empty()) first_problem = why;
    if (skipped != nullptr) skipped->push_back(std::move(why));
  };
  // Where even the sequence number is lost, it may have been the newest of all.
  for (const auto& info : found)
    if (sequence == 0 && info.position.sequence == 0) skip(sentence(info));
  for (const auto& info : found) {
    uint64_t number = info.position.sequence;
    if (number == 0 || (sequence != 0 && number != sequence)) continue;
    auto loaded = load_checkpoint(os, info);
    if (loaded) return loaded;
    skip(info.problem.empty() ? std::string(loaded.error().text()) : sentence(info));
  }
  if (sequence != 0 && first_problem.empty())
    return fail(ENOENT, "no checkpoint {} in {}", sequence, directory);
  if (std::all_of(found.begin(), found.end(), [](auto& info) { return info.unfinished; }))
    return fail(ENOENT, "no checkpoint in {} yet: {}", directory, first_problem);
  return fail(EBADMSG, "no whole checkpoint in {}: {}", directory, first_problem);
}

}  // namespace belay
