// belay inspect FILE: the inspector of the store's format (docs/store_format.md).
#include <errno.h>

#include <memory>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/generation_walk.h"
#include "cli/table.h"
#include "cli/units.h"
#include "store/index_reader.h"

namespace belay::cli {
namespace {

using format::Metadata;

struct InspectOptions {
  std::string file;
  bool extents = false;
};

std::string hex(const uint8_t* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; i++) text += fmt::format("{:02x}", bytes[i]);
  return text.empty() ? "none" : text;
}

std::string extents_text(const std::vector<IndexedExtent>& extents) {
  Table table({">ADDRESS", ">PAGES", ">OFFSET", "KIND"});
  for (const IndexedExtent& extent : extents) {
    table.add({fmt::format("{:#x}", extent.address), std::to_string(extent.page_count),
               extent.discard ? "-" : std::to_string(extent.file_offset),
               extent.discard ? "discard" : "data"});
  }
  return table.text();
}

void print_metadata(const Metadata& block) {
  printf("\nsegment %u at offset %llu: checkpoint %llu, %s\n", block.segment,
         (unsigned long long)block.file_offset, (unsigned long long)block.sequence,
         block.kind == format::SegmentKind::kFull ? "full" : "increment");
  std::string text = fmt::format(
      "  version         {}\n"
      "  WRITE_LOCK      {}\n"
      "  generation      {}\n"
      "  taken           {} ({})\n"
      "  build-id        {}\n"
      "  checksum        {:016x}, of the segment before it {:016x}\n"
      "  payload         {} bytes\n"
      "  pages           {} with data, {} discarded\n"
      "  index           {} block(s); the last at {}, {} bytes, checksum {:016x}\n"
      "  description     at {}, {} bytes, checksum {:016x}\n",
      block.version, block.write_lock, block.generation, format_time(block.taken_unix_ns),
      block.taken_unix_ns, hex(block.build_id, block.build_id_bytes), block.checksum,
      block.parent_checksum, block.payload_bytes, block.data_pages, block.discarded_pages,
      block.index_blocks, block.index.offset, block.index.bytes, block.index.checksum,
      block.description.offset, block.description.bytes, block.description.checksum);
  printf("%s", text.c_str());
}

// Returns whether the segment is sound. Its pages are not read: that is `belay verify`.
bool print_segment(const GenerationFile& file, const Metadata& block, bool list_extents) {
  print_metadata(block);
  std::vector<IndexedExtent> extents;
  std::vector<uint64_t> checksums;
  Status index = read_index(real_os(), file, block, &extents, &checksums);
  auto description = read_description(real_os(), file, block);
  printf("  extents         %zu\n", extents.size());
  for (const Error* error :
       {index ? nullptr : &index.error(), description ? nullptr : &description.error()}) {
    if (error != nullptr) printf("  DAMAGED         %s\n", error->message);
  }
  if (list_extents) printf("%s", extents_text(extents).c_str());
  return index && description;
}

int inspect(const InspectOptions& options) {
  bool sound = true;
  uint64_t bytes = 0;
  printf("%s\n", printable(options.file).c_str());
  Error end = walk_generation(options.file, [&](const GenerationFile& file, const Metadata& block) {
    bytes = file.bytes;
    sound = print_segment(file, block, options.extents) && sound;
  });
  printf("\nend: %s\n", end.message);
  if (bytes != 0) printf("%llu bytes in all\n", (unsigned long long)bytes);
  return sound && is_incomplete(end) ? kExitOk : kExitNothing;
}

}  // namespace

void add_inspect(Parser& parser) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "inspect", "Print the segments of a generation file as they are on disk");
  command->add_flag("--extents", options->extents, "List the extents of each segment too");
  command->add_option("FILE", options->file, "generation.0 or generation.1, or a copy of one")
      ->type_name("")
      ->required();
  command->callback(
      [&parser, options] { parser.action = [options] { return inspect(*options); }; });
}

}  // namespace belay::cli
