#include "image/description.h"

#include <errno.h>

#include <cstddef>
#include <cstring>

namespace belay {

// The format, as docs/image_format.md has it.
static_assert(sizeof(ProcessRecord) == 792);
static_assert(offsetof(ProcessRecord, magic) == 16 && offsetof(ProcessRecord, version) == 24);
static_assert(offsetof(ProcessRecord, pid) == 28 &&
              offsetof(ProcessRecord, taken_monotonic_ns) == 32);
static_assert(offsetof(ProcessRecord, taken_unix_ns) == 40 &&
              offsetof(ProcessRecord, boot_id) == 48);
static_assert(offsetof(ProcessRecord, build_id) == 64 &&
              offsetof(ProcessRecord, build_id_bytes) == 84);
static_assert(offsetof(ProcessRecord, start_code) == 88 && offsetof(ProcessRecord, end_code) == 96);
static_assert(offsetof(ProcessRecord, start_data) == 104 &&
              offsetof(ProcessRecord, end_data) == 112);
static_assert(offsetof(ProcessRecord, start_brk) == 120 && offsetof(ProcessRecord, brk) == 128);
static_assert(offsetof(ProcessRecord, start_stack) == 136 &&
              offsetof(ProcessRecord, arg_start) == 144);
static_assert(offsetof(ProcessRecord, arg_end) == 152 && offsetof(ProcessRecord, env_start) == 160);
static_assert(offsetof(ProcessRecord, env_end) == 168 && offsetof(ProcessRecord, auxv) == 176);
static_assert(offsetof(ProcessRecord, auxv_bytes) == 688 && offsetof(ProcessRecord, umask) == 692);
static_assert(offsetof(ProcessRecord, pending_signals) == 696 &&
              offsetof(ProcessRecord, timer_value_ns) == 704);
static_assert(offsetof(ProcessRecord, timer_interval_ns) == 728 &&
              offsetof(ProcessRecord, restored_entry) == 752);
static_assert(offsetof(ProcessRecord, vdso_checksum) == 760 &&
              offsetof(ProcessRecord, thread_count) == 768);
static_assert(offsetof(ProcessRecord, exe_bytes) == 776 &&
              offsetof(ProcessRecord, cwd_bytes) == 780);
static_assert(offsetof(ProcessRecord, command_line_bytes) == 784);
static_assert(sizeof(ThreadRecord) == 168);
static_assert(offsetof(ThreadRecord, tid) == 16 && offsetof(ThreadRecord, flags) == 20);
static_assert(offsetof(ThreadRecord, context) == 24 && offsetof(ThreadRecord, fs_base) == 88);
static_assert(offsetof(ThreadRecord, gs_base) == 96 && offsetof(ThreadRecord, robust_list) == 104);
static_assert(offsetof(ThreadRecord, robust_list_bytes) == 112 &&
              offsetof(ThreadRecord, clear_tid_address) == 120);
static_assert(offsetof(ThreadRecord, rseq_address) == 128 &&
              offsetof(ThreadRecord, rseq_bytes) == 136);
static_assert(offsetof(ThreadRecord, rseq_signature) == 140 &&
              offsetof(ThreadRecord, pending_signals) == 144);
static_assert(offsetof(ThreadRecord, name) == 152);
static_assert(sizeof(MappingRecord) == 88);
static_assert(offsetof(MappingRecord, start) == 16 && offsetof(MappingRecord, end) == 24);
static_assert(offsetof(MappingRecord, kind) == 32 && offsetof(MappingRecord, protection) == 36);
static_assert(offsetof(MappingRecord, flags) == 40 && offsetof(MappingRecord, device_major) == 44);
static_assert(offsetof(MappingRecord, device_minor) == 48 &&
              offsetof(MappingRecord, file_offset) == 56);
static_assert(offsetof(MappingRecord, inode) == 64 && offsetof(MappingRecord, file_bytes) == 72);
static_assert(offsetof(MappingRecord, file_modified_ns) == 80);
static_assert(sizeof(FileRecord) == 72);
static_assert(offsetof(FileRecord, fd) == 16 && offsetof(FileRecord, same_as) == 20);
static_assert(offsetof(FileRecord, kind) == 24 && offsetof(FileRecord, status_flags) == 28);
static_assert(offsetof(FileRecord, fd_flags) == 32 && offsetof(FileRecord, mode) == 36);
static_assert(offsetof(FileRecord, offset) == 40 && offsetof(FileRecord, size) == 48);
static_assert(offsetof(FileRecord, device) == 56 && offsetof(FileRecord, inode) == 64);
static_assert(sizeof(PipeRecord) == 32);
static_assert(offsetof(PipeRecord, inode) == 16 && offsetof(PipeRecord, capacity) == 24);
static_assert(sizeof(SignalActionRecord) == 56);
static_assert(offsetof(SignalActionRecord, signal) == 16 &&
              offsetof(SignalActionRecord, handler) == 24);
static_assert(offsetof(SignalActionRecord, flags) == 32 &&
              offsetof(SignalActionRecord, restorer) == 40);
static_assert(offsetof(SignalActionRecord, mask) == 48);

void* DescriptionWriter::add_bytes(RecordKind kind, size_t fixed_bytes, size_t tail_bytes) {
  size_t bytes = (fixed_bytes + tail_bytes + 7) & ~size_t{7};
  if (full_ || memory_.size() - used_ < bytes) {
    full_ = true;
    return nullptr;
  }
  std::byte* record = memory_.data() + used_;
  memset(record, 0, bytes);
  auto* header = reinterpret_cast<RecordHeader*>(record);
  header->kind = kind;
  header->bytes = static_cast<uint32_t>(bytes);
  header->tail_bytes = static_cast<uint32_t>(tail_bytes);
  used_ += bytes;
  return record;
}

Status DescriptionWriter::status() const {
  if (full_)
    return fail(ENOMEM, "the description of the process does not fit into {} bytes",
                memory_.size());
  return {};
}

namespace {

size_t fixed_bytes_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kProcess:
      return sizeof(ProcessRecord);
    case RecordKind::kThread:
      return sizeof(ThreadRecord);
    case RecordKind::kMapping:
      return sizeof(MappingRecord);
    case RecordKind::kFile:
      return sizeof(FileRecord);
    case RecordKind::kPipe:
      return sizeof(PipeRecord);
    case RecordKind::kSignalAction:
      return sizeof(SignalActionRecord);
    case RecordKind::kEnd:
      break;
  }
  return sizeof(RecordHeader);
}

bool valid_process(const ProcessRecord& process) {
  uint64_t strings = uint64_t{process.exe_bytes} + process.cwd_bytes + process.command_line_bytes;
  return process.magic == kDescriptionMagic && process.auxv_bytes <= sizeof process.auxv &&
         process.build_id_bytes <= sizeof process.build_id && process.exe_bytes > 0 &&
         process.cwd_bytes > 0 && strings <= process.header.tail_bytes;
}

bool valid_mapping(const MappingRecord& mapping) {
  return mapping.start.value % kPageBytes == 0 && mapping.end.value % kPageBytes == 0 &&
         mapping.start < mapping.end;
}

}  // namespace

Result<Description> Description::parse(std::span<const std::byte> bytes) {
  Description description;
  description.bytes_ = bytes;
  for (size_t at = 0; at < bytes.size();) {
    size_t left = bytes.size() - at;
    if (left < sizeof(RecordHeader))
      return fail(EBADMSG, "image description: {} stray bytes at its end", left);
    auto* header = reinterpret_cast<const RecordHeader*>(bytes.data() + at);
    size_t fixed = fixed_bytes_of(header->kind);
    if (header->bytes > left || header->bytes % 8 != 0 || header->bytes < fixed ||
        header->tail_bytes > header->bytes - fixed)
      return fail(EBADMSG, "image description: record of {} bytes at {} does not fit",
                  header->bytes, at);
    if (header->kind == RecordKind::kProcess) {
      description.process_ = reinterpret_cast<const ProcessRecord*>(header);
      if (description.process_->version != kDescriptionVersion)
        return fail(EBADMSG, "image description: version {}, this Belay reads {}",
                    description.process_->version, kDescriptionVersion);
      if (!valid_process(*description.process_))
        return fail(EBADMSG, "image description: the process record is damaged");
    }
    if (header->kind == RecordKind::kMapping &&
        !valid_mapping(*reinterpret_cast<const MappingRecord*>(header)))
      return fail(EBADMSG, "image description: a mapping is damaged");
    at += header->bytes;
  }
  if (description.process_ == nullptr) return fail(EBADMSG, "image description: no process record");
  return description;
}

std::string_view Description::executable() const {
  return tail(*process_).substr(0, process_->exe_bytes - 1);
}

std::string_view Description::working_directory() const {
  return tail(*process_).substr(process_->exe_bytes, process_->cwd_bytes - 1);
}

std::string_view Description::command_line() const {
  return tail(*process_).substr(process_->exe_bytes + process_->cwd_bytes,
                                process_->command_line_bytes);
}

}  // namespace belay
