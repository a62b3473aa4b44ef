#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

#include "base/syscall.h"
#include "checkpoint/capture.h"
#include "heap/heap.h"

namespace belay {
namespace {

MappingKind kind_of(const Mapping& mapping, MappingUse use) {
  switch (use) {
    case MappingUse::kPresent:
      return MappingKind::kSharedAnonymous;
    case MappingUse::kWhole:
      return MappingKind::kAnonymous;
    case MappingUse::kDescribeOnly:
      return mapping.shared ? MappingKind::kSharedFile : MappingKind::kVdso;
    case MappingUse::kScan:
    case MappingUse::kSkip:
      break;
  }
  return mapping.inode != 0 && mapping.name() != "/dev/zero" ? MappingKind::kPrivateFile
                                                             : MappingKind::kAnonymous;
}

bool lies_in(const Mapping& mapping, const HeapRange& range) {
  return mapping.start >= range.begin && mapping.end <= range.end;
}

// A library is mapped in four or five pieces: ask for its size once.
struct FileFacts {
  uint64_t inode = 0, bytes = 0, modified_ns = 0;
};

void fill_file(const Mapping& mapping, FileFacts& last, MappingRecord* record) {
  if (last.inode != mapping.inode) {
    struct stat status;
    if (sys::call(SYS_stat, mapping.path, &status) != 0) return;
    last = {mapping.inode, uint64_t(status.st_size),
            uint64_t(status.st_mtim.tv_sec) * 1'000'000'000 + uint64_t(status.st_mtim.tv_nsec)};
  }
  record->file_bytes = last.bytes;
  record->file_modified_ns = last.modified_ns;
}

}  // namespace

Status describe_mappings(const Engine& engine, std::span<const Mapping> mappings,
                         DescriptionWriter& writer) {
  FileFacts last;
  for (const Mapping& mapping : mappings) {
    BELAY_ASSIGN(MappingUse use, mapping_use(engine, mapping));
    if (use == MappingUse::kSkip) continue;
    auto* record = writer.add<MappingRecord>(RecordKind::kMapping, mapping.name());
    if (record == nullptr) return writer.status();
    record->start = {mapping.start};
    record->end = {mapping.end};
    record->kind = kind_of(mapping, use);
    record->protection = mapping.protection;
    record->device_major = mapping.device_major;
    record->device_minor = mapping.device_minor;
    record->file_offset = mapping.file_offset;
    record->inode = mapping.inode;
    if (mapping.name() == "[stack]") record->flags |= kMappingGrowsDown;
    if (lies_in(mapping, heap_range()) || lies_in(mapping, exempt_range()))
      record->flags |= kMappingHugePages;
    if (record->kind == MappingKind::kPrivateFile || record->kind == MappingKind::kSharedFile)
      fill_file(mapping, last, record);
  }
  return {};
}

Status describe_threads(std::span<const StoppedThread> threads, DescriptionWriter& writer) {
  int pid = int(sys::getpid());
  for (const StoppedThread& thread : threads) {
    if (thread.state != StoppedThread::kParked && !thread.ended_leader) continue;
    auto* record = writer.add<ThreadRecord>(RecordKind::kThread);
    if (record == nullptr) return writer.status();
    record->tid = thread.tid;
    record->flags =
        (thread.tid == pid ? kThreadMain : 0) | (thread.ended_leader ? kThreadEnded : 0);
    record->context = thread.context;
    record->fs_base = thread.fs_base;
    record->gs_base = thread.gs_base;
    record->robust_list = thread.robust_list;
    record->robust_list_bytes = thread.robust_list_bytes;
    record->clear_tid_address = thread.clear_tid_address;
    // What the thread saw includes the process's own; only a look at both tells them apart.
    if (thread.pending_signals != 0)
      record->pending_signals = pending_signals_of_thread(thread.tid);
    memcpy(record->name, thread.name, sizeof record->name);
    // glibc >= 2.35 registers rseq for every thread, at the same offset from the thread pointer.
    extern const ptrdiff_t libc_rseq_offset __asm__("__rseq_offset") __attribute__((weak));
    extern const unsigned libc_rseq_size __asm__("__rseq_size") __attribute__((weak));
    if (&libc_rseq_size != nullptr && libc_rseq_size != 0) {
      record->rseq_address = thread.fs_base + uint64_t(libc_rseq_offset);
      record->rseq_bytes = 32;              // what glibc registers: struct rseq of Linux 4.18
      record->rseq_signature = 0x53053053;  // glibc's RSEQ_SIG on x86
    }
  }
  return {};
}

}  // namespace belay
