#include "region/log.h"

#include <cstring>

#include "region/entry.h"
#include "region/hash_filter.h"
#include "region/races.h"
#include "region/settings.h"
#include "region/shadow.h"
#include "region/thread_state.h"

namespace belay::region {

namespace {

template <class Word>
void append(Ptr address) {
  Word value;
  memcpy(&value, address, sizeof value);
  auto* entry = static_cast<Entry*>(__belay_log_top);
  *entry = {value, make_tag(address, sizeof value)};
  __belay_log_top = entry + 1;
}

void append_block(const void* address, size_t bytes) {
  auto* top = static_cast<std::byte*>(__belay_log_top);
  size_t payload = payload_bytes(bytes);
  // The one place where a step may be longer than the page behind the log. What does not fit is
  // made to fault there.
  if (payload > static_cast<size_t>(this_thread.log_end - top)) top = this_thread.log_end;
  memcpy(top, address, bytes);
  auto* entry = reinterpret_cast<Entry*>(top + payload);
  *entry = {bytes, make_tag(address, kBlock)};
  __belay_log_top = entry + 1;
}

void append_bytes(const volatile void* address, size_t bytes) {
  auto* plain = const_cast<void*>(address);
  switch (bytes) {
    case 0:
      return;
    case 1:
      return append<uint8_t>(plain);
    case 2:
      return append<uint16_t>(plain);
    case 4:
      return append<uint32_t>(plain);
    case 8:
      return append<uint64_t>(plain);
    default:
      return append_block(plain, bytes);
  }
}

}  // namespace

void log_bytes(const volatile void* address, size_t bytes) {
  shadow_bytes(address, bytes, "an effect of the runtime");
  append_bytes(address, bytes);
}

void shorten_log(std::byte* mark, size_t bytes) {
  auto* top = static_cast<std::byte*>(__belay_log_top);
  if (top <= mark) return;
  const Entry last = reinterpret_cast<Entry*>(top)[-1];
  if (last.tag >> kKindShift != kBlock || bytes >= last.value) return;
  auto* entry = reinterpret_cast<Entry*>(mark + payload_bytes(bytes));
  *entry = {bytes, last.tag};
  __belay_log_top = entry + 1;
}

static inline void log_from(const void* code, const volatile void* address, size_t bytes) {
  append_bytes(address, bytes);
  note_write(code);
}

Void __belay_log_1(Ptr address) {
  append<uint8_t>(address);
  note_write(__builtin_return_address(0));
}
Void __belay_log_2(Ptr address) {
  append<uint16_t>(address);
  note_write(__builtin_return_address(0));
}
Void __belay_log_4(Ptr address) {
  append<uint32_t>(address);
  note_write(__builtin_return_address(0));
}
Void __belay_log_8(Ptr address) {
  append<uint64_t>(address);
  note_write(__builtin_return_address(0));
}
Void __belay_log_bytes(Ptr address, Size bytes) {
  log_from(__builtin_return_address(0), address, bytes);
}

Void __belay_log_if(Ptr address, Size bytes, Int condition) {
  if (condition && in_region()) log_from(__builtin_return_address(0), address, bytes);
}

Void __belay_log_checked(Ptr address, Size bytes) {
  if (in_region()) log_from(__builtin_return_address(0), address, bytes);
}

Void __belay_log_jmp_buf(Ptr buffer) {
  if (in_region()) log_bytes(buffer, sizeof(jmp_buf));
}

Void __belay_log_first(Ptr address, Size bytes) {
  if (is_first_write(address, bytes)) log_from(__builtin_return_address(0), address, bytes);
}

}  // namespace belay::region

BELAY_EXPORT void belay_backup(const volatile void* address, size_t bytes) noexcept {
  using namespace belay::region;
  if (!in_region()) return;
  shadow_bytes(address, bytes, "backup()");
  if (settings().buffer == CKPT_HASH && !is_first_write(address, bytes)) return;
  log_from(__builtin_return_address(0), address, bytes);
}
