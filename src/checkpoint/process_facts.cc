#include "checkpoint/process_facts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/time.h>

#include <cstring>

#include "base/checksum.h"
#include "base/syscall.h"
#include "checkpoint/engine.h"

namespace belay {
namespace {

Result<size_t> read_file(const char* path, void* out, size_t room) {
  long fd = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(int(-fd), "{}: {}", path, errno_text(int(-fd)));
  size_t used = 0;
  long n = 0;
  while (used < room &&
         (n = sys::call(SYS_read, fd, static_cast<char*>(out) + used, room - used)) > 0)
    used += size_t(n);
  sys::call(SYS_close, fd);
  if (n < 0) return fail(int(-n), "{}: {}", path, errno_text(int(-n)));
  return used;
}

// proc(5): 26 start_code, 27 end_code, 28 start_stack, 45 start_data, 46 end_data, 47 start_brk,
// 48-51 arg_start .. env_end; counted from the state, which is field 3.
Status read_memory_layout(ProcessFacts* facts) {
  char text[2048];
  BELAY_ASSIGN(size_t bytes, read_file("/proc/self/stat", text, sizeof text - 1));
  text[bytes] = '\0';
  const char* at = strrchr(text, ')');  // the name may hold anything
  if (at == nullptr) return fail(EIO, "/proc/self/stat makes no sense");
  uint64_t fields[64] = {};
  at += 2;
  for (int field = 3; field < 52 && *at != '\0'; field++) {
    for (; *at >= '0' && *at <= '9'; at++) fields[field] = fields[field] * 10 + uint64_t(*at - '0');
    while (*at != ' ' && *at != '\0') at++;
    if (*at == ' ') at++;
  }
  const int order[11] = {26, 27, 45, 46, 47, 0, 28, 48, 49, 50, 51};
  for (int i = 0; i < 11; i++) facts->memory_layout[i] = fields[order[i]];
  return {};
}

void parse_uuid(const char* text, uint8_t (&out)[16]) {
  int nibble = 0;
  for (const char* c = text; *c != '\0' && nibble < 32; c++) {
    int digit = *c >= '0' && *c <= '9' ? *c - '0' : *c >= 'a' && *c <= 'f' ? *c - 'a' + 10 : -1;
    if (digit < 0) continue;
    out[nibble / 2] = uint8_t(nibble % 2 == 0 ? digit << 4 : out[nibble / 2] | digit);
    nibble++;
  }
}

const uint8_t* find_build_id(const dl_phdr_info* info, uint32_t* bytes) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_NOTE) continue;
    auto* at = reinterpret_cast<const uint8_t*>(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    const uint8_t* end = at + info->dlpi_phdr[i].p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
      const uint8_t* name = at + sizeof *note;
      const uint8_t* contents = name + ((note->n_namesz + 3) & ~3u);
      if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
        *bytes = note->n_descsz;
        return contents;
      }
      at = contents + ((note->n_descsz + 3) & ~3u);
    }
  }
  return nullptr;
}

Status describe_signals(DescriptionWriter& writer) {
  for (uint32_t signal = 1; signal <= 64; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    uint64_t action[4] = {};
    if (sys::call(SYS_rt_sigaction, signal, nullptr, action, 8) != 0) continue;
    if (action[0] == 0) continue;  // SIG_DFL
    auto* record = writer.add<SignalActionRecord>(RecordKind::kSignalAction);
    if (record == nullptr) break;
    record->signal = signal;
    record->handler = action[0];
    record->flags = action[1];
    record->restorer = action[2];
    record->mask = action[3];
  }
  return writer.status();
}

uint64_t pending_signals_in(const char* path, const char* field) {
  char text[4096];
  auto bytes = read_file(path, text, sizeof text - 1);
  if (!bytes) return 0;
  text[*bytes] = '\0';
  const char* at = strstr(text, field);
  if (at == nullptr) return 0;
  uint64_t set = 0;
  for (at += strlen(field); *at == ':' || *at == '\t'; at++) {
  }
  for (; *at != '\n' && *at != '\0'; at++)
    set = set << 4 | uint64_t(*at <= '9' ? *at - '0' : *at - 'a' + 10);
  return set & ~(uint64_t{1} << (kStopSignal - 1));
}

void read_timers(ProcessRecord* record) {
  for (int which = 0; which < 3; which++) {
    itimerval timer{};
    sys::call(SYS_getitimer, which, &timer);
    auto ns = [](const timeval& time) {
      return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_usec) * 1000;
    };
    record->timer_value_ns[which] = ns(timer.it_value);
    record->timer_interval_ns[which] = ns(timer.it_interval);
    // It has fired, and the kernel starts it anew only when the pending signal is delivered.
    if (record->timer_value_ns[which] == 0)
      record->timer_value_ns[which] = record->timer_interval_ns[which];
  }
}

}  // namespace

uint64_t pending_signals_of_thread(int tid) {
  char path[64];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/self/task/{}/status", tid).out = '\0';
  return pending_signals_in(path, "SigPnd");
}

uint64_t pending_signals_of_process() { return pending_signals_in("/proc/self/status", "ShdPnd"); }

uint64_t own_vdso_checksum(std::span<const uint64_t> auxv) {
  for (size_t i = 0; i + 1 < auxv.size() && auxv[i] != AT_NULL; i += 2) {
    if (auxv[i] != AT_SYSINFO_EHDR) continue;
    auto* header = reinterpret_cast<const ElfW(Ehdr)*>(auxv[i + 1]);
    // All of its one loadable segment.
    auto* segments = reinterpret_cast<const ElfW(Phdr)*>(auxv[i + 1] + header->e_phoff);
    for (int s = 0; s < header->e_phnum; s++)
      if (segments[s].p_type == PT_LOAD) return checksum(header, segments[s].p_filesz);
  }
  return 0;
}

Status read_process_facts(ProcessFacts* facts) {
  long n =
      sys::call(SYS_readlink, "/proc/self/exe", facts->executable, sizeof facts->executable - 1);
  if (n <= 0) return fail(int(-n), "/proc/self/exe: {}", errno_text(int(-n)));
  facts->executable[n] = '\0';
  BELAY_ASSIGN(facts->command_line_bytes,
               read_file("/proc/self/cmdline", facts->command_line, sizeof facts->command_line));
  BELAY_TRY(read_memory_layout(facts));
  BELAY_ASSIGN(size_t auxv_bytes, read_file("/proc/self/auxv", facts->auxv, sizeof facts->auxv));
  facts->auxv_bytes = uint32_t(auxv_bytes);
  facts->vdso_checksum = own_vdso_checksum({facts->auxv, auxv_bytes / 8});
  char uuid[64] = {};
  BELAY_ASSIGN([[maybe_unused]] size_t uuid_bytes,
               read_file("/proc/sys/kernel/random/boot_id", uuid, sizeof uuid - 1));
  parse_uuid(uuid, facts->boot_id);
  return {};
}

Status describe_process(const ProcessFacts& facts, const Shared& shared, uint64_t thread_count,
                        DescriptionWriter& writer) {
  char cwd[4096];
  long cwd_bytes = sys::call(SYS_getcwd, cwd, sizeof cwd);  // with its NUL
  if (cwd_bytes <= 0)
    return fail(int(-cwd_bytes), "the working directory: {}", errno_text(int(-cwd_bytes)));
  size_t exe_bytes = strlen(facts.executable) + 1;
  auto* record = writer.add<ProcessRecord>(
      RecordKind::kProcess, exe_bytes + size_t(cwd_bytes) + facts.command_line_bytes);
  if (record == nullptr) return writer.status();
  char* strings = reinterpret_cast<char*>(record + 1);
  memcpy(strings, facts.executable, exe_bytes);
  memcpy(strings + exe_bytes, cwd, size_t(cwd_bytes));
  memcpy(strings + exe_bytes + cwd_bytes, facts.command_line, facts.command_line_bytes);
  record->exe_bytes = uint32_t(exe_bytes);
  record->cwd_bytes = uint32_t(cwd_bytes);
  record->command_line_bytes = uint32_t(facts.command_line_bytes);
  record->magic = kDescriptionMagic;
  record->version = kDescriptionVersion;
  record->pid = int32_t(sys::getpid());
  record->taken_monotonic_ns = sys::now_ns();
  record->taken_unix_ns = sys::now_ns(CLOCK_REALTIME);
  memcpy(record->boot_id, facts.boot_id, sizeof record->boot_id);
  memcpy(record->build_id, shared.identity.build_id, sizeof record->build_id);
  record->build_id_bytes = shared.identity.build_id_bytes;
  memcpy(&record->start_code, facts.memory_layout, sizeof facts.memory_layout);
  record->brk = uint64_t(sys::call(SYS_brk, 0));
  memcpy(record->auxv, facts.auxv, facts.auxv_bytes);
  record->auxv_bytes = facts.auxv_bytes;
  record->umask = uint32_t(sys::call(SYS_umask, 077));
  sys::call(SYS_umask, record->umask);
  read_timers(record);
  record->pending_signals = pending_signals_of_process();
  record->restored_entry = {reinterpret_cast<uint64_t>(&start_engine_restored)};
  record->vdso_checksum = facts.vdso_checksum;
  record->thread_count = thread_count;
  return describe_signals(writer);
}

BuildIdentity own_build_identity() {
  BuildIdentity identity;
  // The executable is the first object that the callback sees.
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        uint32_t bytes = 0;
        const uint8_t* id = find_build_id(info, &bytes);
        if (id != nullptr && bytes <= sizeof BuildIdentity::build_id) {
          auto* identity = static_cast<BuildIdentity*>(out);
          memcpy(identity->build_id, id, bytes);
          identity->build_id_bytes = uint8_t(bytes);
        }
        return 1;
      },
      &identity);
  return identity;
}

}  // namespace belay
