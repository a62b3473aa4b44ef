#include "store/named.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/plain_name.h"
#include "store/generation.h"
#include "store/index_reader.h"
#include "store/merge.h"

namespace belay {
namespace {

namespace fs = std::filesystem;

struct PathText {
  char text[kStorePathBytes + 128];
};

template <class... Args>
PathText path_text(fmt::format_string<Args...> format, Args&&... args) {
  PathText path;
  auto end = fmt::format_to_n(path.text, sizeof path.text - 1, format, args...);
  *end.out = '\0';
  return path;
}

template <class Number>
bool read_whole(std::string_view text, Number* out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

// NAME@SEQUENCE.GENERATION; files that are called otherwise are somebody else's.
bool parse(const std::string& file_name, NamedCheckpoint* out) {
  size_t at = file_name.rfind('@'), dot = file_name.rfind('.');
  if (at == std::string::npos || dot == std::string::npos || dot < at) return false;
  std::string_view text = file_name;
  out->name = text.substr(0, at);
  return is_checkpoint_name(out->name) &&
         read_whole(text.substr(at + 1, dot - at - 1), &out->sequence) &&
         read_whole(text.substr(dot + 1), &out->generation) &&
         out->generation < format::kGenerations;
}

using FileId = std::pair<dev_t, ino_t>;

// Follows no symbolic link. Nothing where there is no such file.
struct FileFacts {
  FileId id{};
  uint64_t disk_bytes = 0;
  bool is_there = false;
};
FileFacts facts_of(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return {};
  return {{info.st_dev, info.st_ino}, uint64_t(info.st_blocks) * 512, true};
}

std::set<FileId> generations_in_use(const std::string& directory) {
  std::set<FileId> found;
  for (uint32_t generation = 0; generation < format::kGenerations; ++generation)
    found.insert(facts_of(generation_path(directory.c_str(), generation).text).id);
  return found;
}

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;  // [begin, end)

// What of `all` is not in `needed`.
Ranges difference(Ranges all, Ranges needed) {
  std::sort(all.begin(), all.end());
  std::sort(needed.begin(), needed.end());
  Ranges rest;
  auto next = needed.begin();
  for (auto [begin, end] : all) {
    while (next != needed.end() && next->second <= begin) ++next;
    for (auto at = next; at != needed.end() && at->first < end; ++at) {
      if (at->first > begin) rest.emplace_back(begin, at->first);
      begin = std::max(begin, at->second);
    }
    if (begin < end) rest.emplace_back(begin, end);
  }
  return rest;
}

// Pages of a file that only checkpoints without a name consist of.
struct Waste {
  Ranges pages;
  uint64_t end = 0;  // behind the last checkpoint that has a name
};

Result<Waste> find_waste(Os& os, const GenerationFile& file, uint32_t generation,
                         const std::set<uint64_t>& kept) {
  std::vector<IndexedExtent> extents;
  std::vector<uint64_t> checksums;
  Ranges all, needed;
  Waste waste;
  SegmentLink link{.generation = generation};
  format::Metadata block;
  for (size_t left = kept.size(); left != 0;) {
    BELAY_TRY(read_metadata(os, file, link, &block));
    size_t before = extents.size();
    BELAY_TRY(read_index(os, file, block, &extents, &checksums));
    for (size_t i = before; i < extents.size(); i++)
      if (!extents[i].discard)
        all.emplace_back(extents[i].file_offset,
                         extents[i].file_offset + extents[i].page_count * kPageBytes);
    link = link.after(block);
    if (!kept.contains(block.sequence)) continue;
    for (const StoredRun& run : merge_extents(extents))
      needed.emplace_back(run.file_offset, run.file_offset + run.page_count * kPageBytes);
    waste.end = link.offset;
    left--;
  }
  waste.pages = difference(std::move(all), std::move(needed));
  return waste;
}

// A file with damage is left alone: what it still holds may be wanted.
Status reclaim_file(Os& os, const std::string& path, uint32_t generation,
                    const std::set<uint64_t>& kept) {
  BELAY_ASSIGN(GenerationFile file, open_generation(os, path.c_str(), O_RDWR));
  auto waste = find_waste(os, file, generation, kept);
  long result = 0;
  if (waste && file.bytes > waste->end) result = os.ftruncate(file.fd, waste->end);
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  for (size_t i = 0; waste && result == 0 && i < waste->pages.size(); i++)
    result = os.fallocate(file.fd, kPunch, waste->pages[i].first,
                          waste->pages[i].second - waste->pages[i].first);
  os.close(file.fd);
  if (!waste) return tl::make_unexpected(waste.error());
  if (result < 0 && result != -EOPNOTSUPP) return call_failed(result, path);
  return {};
}

}  // namespace

bool is_checkpoint_name(std::string_view name) { return is_plain_name(name, kCheckpointNameMax); }

Status name_checkpoint(Os& os, const char* directory, const StorePosition& position,
                       const char* name) {
  PathText folder = path_text("{}/{}", directory, kNamedFolder);
  GenerationPath file = generation_path(directory, position.generation);
  PathText link =
      path_text("{}/{}@{}.{}", folder.text, name, position.sequence, position.generation);
  long result = os.link(file.text, link.text);
  if (result == -ENOENT) {
    result = os.mkdir(folder.text, 0700);
    if (result < 0 && result != -EEXIST) return call_failed(result, folder.text);
    BELAY_TRY(sync_folder(os, directory));
    result = os.link(file.text, link.text);
  }
  if (result < 0)
    return fail(int(-result), "checkpoint {} is durable, but not kept as {}: {}{}",
                position.sequence, name, errno_text(int(-result)),
                result == -EPERM ? "; its file system has no hard links" : "");
  Status synced = sync_folder(os, folder.text);
  if (!synced) os.unlink(link.text);
  return synced;
}

Result<std::vector<NamedCheckpoint>> list_named(const std::string& directory) {
  std::vector<NamedCheckpoint> found;
  std::error_code error;
  for (fs::directory_iterator entry(directory + "/" + kNamedFolder, error), end;
       !error && entry != end; entry.increment(error)) {
    NamedCheckpoint named;
    named.file = entry->path();
    if (parse(entry->path().filename(), &named)) found.push_back(std::move(named));
  }
  if (error && error.value() != ENOENT)
    return fail(error.value(), "{}/{}: {}", directory, kNamedFolder, errno_text(error.value()));
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return found;
}

Result<NamedCheckpoint> find_named(const std::string& directory, const std::string& name) {
  BELAY_ASSIGN(auto found, list_named(directory));
  for (NamedCheckpoint& named : found)
    if (named.name == name) return named;
  return fail(ENOENT, "no checkpoint is kept as {} in {}", name, directory);
}

Result<CheckpointInfo> read_named(Os& os, const NamedCheckpoint& named) {
  BELAY_ASSIGN(auto found, list_generation_file(os, named.file, named.generation));
  for (CheckpointInfo& info : found)
    if (info.position.sequence == named.sequence) return info;
  std::string why = found.empty() ? "it is empty" : found.back().problem;
  return fail(EBADMSG, "{} does not hold checkpoint {} any more: {}", named.file, named.sequence,
              why);
}

Status drop_named(Os& os, const std::string& directory, const std::string& name) {
  BELAY_ASSIGN(NamedCheckpoint named, find_named(directory, name));
  if (long result = os.unlink(named.file.c_str()); result < 0)
    return call_failed(result, named.file);
  return {};
}

Status reclaim_named(Os& os, const std::string& directory) {
  struct Shared {
    std::string path;
    uint32_t generation = 0;
    std::set<uint64_t> kept;
  };
  BELAY_ASSIGN(auto found, list_named(directory));
  std::set<FileId> in_use = generations_in_use(directory);
  std::map<FileId, Shared> files;
  for (const NamedCheckpoint& named : found) {
    FileFacts facts = facts_of(named.file);
    if (!facts.is_there || in_use.contains(facts.id)) continue;
    Shared& shared = files[facts.id];
    shared.path = named.file;
    shared.generation = named.generation;
    shared.kept.insert(named.sequence);
  }
  // A power cut must not bring back a name whose pages are gone.
  if (!files.empty()) BELAY_TRY(sync_folder(os, path_text("{}/{}", directory, kNamedFolder).text));
  Status first;
  for (const auto& [id, shared] : files) {
    Status done = reclaim_file(os, shared.path, shared.generation, shared.kept);
    if (first && !done) first = done;
  }
  return first;
}

Result<uint64_t> disk_bytes(const std::string& directory) {
  BELAY_ASSIGN(auto found, list_named(directory));
  std::map<FileId, uint64_t> files;
  auto count = [&](const std::string& path) {
    if (FileFacts facts = facts_of(path); facts.is_there) files[facts.id] = facts.disk_bytes;
  };
  for (const NamedCheckpoint& named : found) count(named.file);
  for (uint32_t generation = 0; generation < format::kGenerations; ++generation)
    count(generation_path(directory.c_str(), generation).text);
  uint64_t sum = 0;
  for (auto [id, bytes] : files) sum += bytes;
  return sum;
}

}  // namespace belay
