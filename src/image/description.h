// What a captured process consists of, apart from its pages: a flat sequence of records, the same
// in memory and on disk. Written while threads stand still (allocates nothing), read by a restore
// and by the command. Format: docs/image_format.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/page.h"
#include "context/resume.h"

namespace belay {

constexpr uint64_t kDescriptionMagic = 0x31474d4959414c45;  // "ELAYIMG1"
constexpr uint32_t kDescriptionVersion = 1;

enum class RecordKind : uint32_t {
  kEnd = 0,
  kProcess = 1,
  kThread = 2,
  kMapping = 3,
  kFile = 4,
  kPipe = 5,
  kSignalAction = 6,
};

// Every record begins with this, is a multiple of 8 bytes long, and may end with bytes of its own
// (a path, the contents of a pipe).
struct RecordHeader {
  RecordKind kind;
  uint32_t bytes;       // of the whole record
  uint32_t tail_bytes;  // of what follows the fixed part, without padding
  uint32_t reserved;
};
static_assert(sizeof(RecordHeader) == 16);

constexpr size_t kAuxvWords = 64;

// One a process. Tail: executable, working directory, command line (each NUL-terminated; the
// command line is argv as in /proc/self/cmdline, with its length in command_line_bytes).
struct ProcessRecord {
  RecordHeader header;
  uint64_t magic;
  uint32_t version;
  int32_t pid;
  uint64_t taken_monotonic_ns;
  uint64_t taken_unix_ns;
  uint8_t boot_id[16];
  uint8_t build_id[20];
  uint32_t build_id_bytes;
  // prctl(PR_SET_MM_MAP), so that brk, /proc/self/cmdline and debuggers find what they did before.
  uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
  uint64_t arg_start, arg_end, env_start, env_end;
  uint64_t auxv[kAuxvWords];
  uint32_t auxv_bytes;
  uint32_t umask;
  uint64_t pending_signals;
  uint64_t timer_value_ns[3], timer_interval_ns[3];  // setitimer: real, virtual, profiling
  ImageAddress restored_entry;  // void(RestoredArguments*) in the image: restarts Belay in it
  uint64_t vdso_checksum;
  uint64_t thread_count;
  uint32_t exe_bytes, cwd_bytes, command_line_bytes;
  uint32_t reserved;
};

constexpr uint32_t kThreadMain = 1;
constexpr uint32_t kThreadEnded = 2;  // main after pthread_exit(): only its id is left

struct ThreadRecord {
  RecordHeader header;
  int32_t tid;
  uint32_t flags;
  ResumeContext context;  // returns into Belay's signal handler, which returns into the program
  uint64_t fs_base, gs_base;
  uint64_t robust_list, robust_list_bytes;
  uint64_t clear_tid_address;
  uint64_t rseq_address;  // 0: none registered
  uint32_t rseq_bytes, rseq_signature;
  uint64_t pending_signals;
  char name[16];
};

enum class MappingKind : uint32_t {
  kAnonymous = 0,        // private; all contents are in the image
  kPrivateFile = 1,      // what differs from the file is in the image
  kSharedFile = 2,       // mapped again; contents are the file's
  kSharedAnonymous = 3,  // contents are in the image
  kVdso = 4,             // the kernel's own: vdso, vvar
};

// Tail: path of the file.
struct MappingRecord {
  RecordHeader header;
  ImageAddress start, end;
  MappingKind kind;
  uint32_t protection;  // PROT_*
  uint32_t flags;       // kMapping*
  uint32_t device_major, device_minor;
  uint32_t reserved;
  uint64_t file_offset, inode, file_bytes, file_modified_ns;
  uint64_t size() const { return end.value - start.value; }
};
constexpr uint32_t kMappingGrowsDown = 1;
constexpr uint32_t kMappingHugePages = 2;

enum class FileKind : uint32_t {
  kRegular = 0,
  kDirectory = 1,
  kDevice = 2,    // null, zero, full, random, urandom, tty: reopened by name
  kStandard = 3,  // 0, 1 or 2: that of the process that restores
  kPipeRead = 4,  // a pipe to itself
  kPipeWrite = 5,
};

// Tail: path.
struct FileRecord {
  RecordHeader header;
  int32_t fd;
  int32_t same_as;  // an fd that shares the open file description, or -1
  FileKind kind;
  int32_t status_flags;  // O_*
  int32_t fd_flags;      // FD_CLOEXEC
  uint32_t mode;
  uint64_t offset, size, device, inode;
};

// Tail: the bytes in the pipe.
struct PipeRecord {
  RecordHeader header;
  uint64_t inode;
  uint64_t capacity;
};

struct SignalActionRecord {
  RecordHeader header;
  uint32_t signal;
  uint32_t reserved;
  uint64_t handler, flags, restorer, mask;  // as rt_sigaction(2) has them
};

// Appends records to memory that it is given.
class DescriptionWriter {
 public:
  DescriptionWriter() = default;
  explicit DescriptionWriter(std::span<std::byte> memory) : memory_(memory) {}

  // Reserves a zeroed record with `tail_bytes` after it; null when the memory is full, which
  // status() then reports.
  template <class Record>
  Record* add(RecordKind kind, size_t tail_bytes = 0) {
    return static_cast<Record*>(add_bytes(kind, sizeof(Record), tail_bytes));
  }
  template <class Record>
  Record* add(RecordKind kind, std::string_view tail) {
    auto* record = add<Record>(kind, tail.size());
    if (record != nullptr) __builtin_memcpy(record + 1, tail.data(), tail.size());
    return record;
  }

  Status status() const;
  std::span<std::byte> bytes() const { return memory_.first(used_); }

 private:
  void* add_bytes(RecordKind kind, size_t fixed_bytes, size_t tail_bytes);

  std::span<std::byte> memory_;
  size_t used_ = 0;
  bool full_ = false;
};

// A validated view: every record lies inside, is large enough for its kind, and tails fit.
class Description {
 public:
  Description() = default;
  static Result<Description> parse(std::span<const std::byte> bytes);

  const ProcessRecord& process() const { return *process_; }
  std::string_view executable() const;
  std::string_view working_directory() const;
  std::string_view command_line() const;  // arguments, each followed by NUL

  // for_each<ThreadRecord>(RecordKind::kThread, [](const ThreadRecord&) {...})
  template <class Record, class Visit>
  void for_each(RecordKind kind, Visit visit) const {
    for (size_t at = 0; at < bytes_.size();) {
      auto* header = reinterpret_cast<const RecordHeader*>(bytes_.data() + at);
      if (header->kind == kind) visit(*reinterpret_cast<const Record*>(header));
      at += header->bytes;
    }
  }

 private:
  std::span<const std::byte> bytes_;
  const ProcessRecord* process_ = nullptr;
};

// The bytes after a record's fixed part.
template <class Record>
std::string_view tail(const Record& record) {
  return {reinterpret_cast<const char*>(&record + 1), record.header.tail_bytes};
}

}  // namespace belay
