#include "cli/describe.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>

#include "cli/table.h"
#include "cli/units.h"

namespace belay::cli {
namespace {

constexpr const char* kMappingKinds[] = {"anonymous", "private file", "shared file",
                                         "shared anonymous", "kernel's own"};
constexpr const char* kFileKinds[] = {"file",        "directory",   "device", "standard stream",
                                      "pipe (read)", "pipe (write)"};

// A newer program may have written kinds that this one has no name for.
template <size_t count>
std::string name_of(const char* const (&names)[count], uint32_t kind) {
  return kind < count ? names[kind] : fmt::format("kind {}", kind);
}

std::string thread_name(const ThreadRecord& thread) {
  return std::string(thread.name, strnlen(thread.name, sizeof thread.name));
}

std::string protection(const MappingRecord& mapping) {
  return fmt::format("{}{}{}", (mapping.protection & PROT_READ) != 0 ? 'r' : '-',
                     (mapping.protection & PROT_WRITE) != 0 ? 'w' : '-',
                     (mapping.protection & PROT_EXEC) != 0 ? 'x' : '-');
}

std::string access_mode(const FileRecord& file) {
  switch (file.status_flags & O_ACCMODE) {
    case O_RDONLY:
      return "read";
    case O_WRONLY:
      return "write";
    default:
      return "read, write";
  }
}

template <class Record>
size_t count(const Description& description, RecordKind kind) {
  size_t n = 0;
  description.for_each<Record>(kind, [&](const Record&) { n++; });
  return n;
}

// Bytes of a mapping that lie in the checkpoint; the others are zeros, or the file's.
uint64_t stored_bytes(const LoadedCheckpoint& checkpoint, const MappingRecord& mapping) {
  uint64_t bytes = 0;
  for (const StoredRun& run : checkpoint.runs) {
    uint64_t from = std::max(run.address.value, mapping.start.value);
    uint64_t to = std::min(run.address.value + run.page_count * kPageBytes, mapping.end.value);
    if (from < to) bytes += to - from;
  }
  return bytes;
}

std::string threads_text(const Description& description) {
  Table table({">THREAD", "NAME", ">INSTRUCTION"});
  description.for_each<ThreadRecord>(RecordKind::kThread, [&](const ThreadRecord& thread) {
    std::string name = printable(thread_name(thread));
    if ((thread.flags & kThreadMain) != 0) name += " (main)";
    if ((thread.flags & kThreadEnded) != 0) name += " (ended)";
    table.add({std::to_string(thread.tid), name, fmt::format("{:#x}", thread.context.rip)});
  });
  return table.text();
}

std::string mappings_text(const RecordedProgram& program) {
  Table table({"MAPPING", "", ">SIZE", ">STORED", "KIND", "FILE"});
  program.description().for_each<MappingRecord>(
      RecordKind::kMapping, [&](const MappingRecord& mapping) {
        table.add({fmt::format("{:x}-{:x}", mapping.start.value, mapping.end.value),
                   protection(mapping), format_bytes(mapping.size()),
                   format_bytes(stored_bytes(program.checkpoint(), mapping)),
                   name_of(kMappingKinds, uint32_t(mapping.kind)),
                   printable(std::string(tail(mapping)))});
      });
  return table.text();
}

std::string files_text(const Description& description) {
  Table table({">FILE", "KIND", "FOR", ">POSITION", ">SIZE", "PATH"});
  description.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    table.add({std::to_string(file.fd), name_of(kFileKinds, uint32_t(file.kind)), access_mode(file),
               std::to_string(file.offset), std::to_string(file.size),
               printable(std::string(tail(file)))});
  });
  return table.text();
}

}  // namespace

std::string describe(const RecordedProgram& program) {
  const Description& description = program.description();
  const ProcessRecord& process = description.process();
  std::string text = fmt::format(
      "Checkpoint {} of process {}, taken {}\n"
      "program    {}\ncommand    {}\ndirectory  {}\n",
      program.checkpoint().info.position.sequence, process.pid, format_time(process.taken_unix_ns),
      printable(std::string(description.executable())), printable(quote(program.arguments())),
      printable(std::string(description.working_directory())));
  for (const std::string& part :
       {threads_text(description), mappings_text(program), files_text(description)}) {
    if (!part.empty()) text += "\n" + part;
  }
  if (size_t pipes = count<PipeRecord>(description, RecordKind::kPipe); pipes != 0) {
    text += fmt::format("\n{} pipe(s) to itself\n", pipes);
  }
  return text;
}

Json describe_as_json(const RecordedProgram& program) {
  const Description& description = program.description();
  const ProcessRecord& process = description.process();
  Json json = {{"executable", description.executable()},
               {"arguments", program.arguments()},
               {"working_directory", description.working_directory()},
               {"pid", process.pid},
               {"taken_unix_ns", process.taken_unix_ns},
               {"threads", Json::array()},
               {"mappings", Json::array()},
               {"files", Json::array()}};
  description.for_each<ThreadRecord>(RecordKind::kThread, [&](const ThreadRecord& thread) {
    json["threads"].push_back({{"tid", thread.tid},
                               {"name", thread_name(thread)},
                               {"main", (thread.flags & kThreadMain) != 0},
                               {"ended", (thread.flags & kThreadEnded) != 0},
                               {"instruction", thread.context.rip}});
  });
  description.for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    json["mappings"].push_back({{"start", mapping.start.value},
                                {"end", mapping.end.value},
                                {"protection", protection(mapping)},
                                {"kind", name_of(kMappingKinds, uint32_t(mapping.kind))},
                                {"stored_bytes", stored_bytes(program.checkpoint(), mapping)},
                                {"path", tail(mapping)},
                                {"file_offset", mapping.file_offset}});
  });
  description.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    json["files"].push_back({{"fd", file.fd},
                             {"kind", name_of(kFileKinds, uint32_t(file.kind))},
                             {"access", access_mode(file)},
                             {"offset", file.offset},
                             {"size", file.size},
                             {"path", tail(file)}});
  });
  return json;
}

}  // namespace belay::cli
