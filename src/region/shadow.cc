#include "region/shadow.h"

#include <malloc.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "region/heap_blocks.h"

namespace belay::region {

namespace {

constexpr size_t kShadowBytesMax = size_t{1} << 36;
constexpr size_t kReportedMax = 8;
// __cxa_refcounted_exception, before the object; the runtime counts references there.
constexpr size_t kExceptionHeaderBytes = 128;

// Before it lie the bytes that were there, and room for as many that are there later.
struct Note {
  std::byte* address;
  size_t bytes;
  const char* writer;

  size_t padded_bytes() const { return (bytes + 7) & ~size_t{7}; }
};

bool is_on;

std::byte* found_of(char* note, size_t padded) {
  return reinterpret_cast<std::byte*>(note) - padded;
}
std::byte* old_of(char* note, size_t padded) { return found_of(note, padded) - padded; }

struct Stack {
  const std::byte *low, *end;  // of what is dead after a rollback

  bool holds(const std::byte* address) const { return address >= low && address < end; }
};

// Behind the frame of the function that holds the markers.
const std::byte* end_of_frame(const std::byte* frame) {
  struct Search {
    const std::byte *frame, *end;
  } search = {frame, frame};
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* argument) {
        auto* of = static_cast<Search*>(argument);
        auto* at = reinterpret_cast<const std::byte*>(_Unwind_GetCFA(context));
        if (at <= of->frame) return _URC_NO_REASON;
        of->end = at;
        return _URC_END_OF_STACK;
      },
      &search);
  return search.end;
}

// Calls visit(note, old bytes, found bytes) from the newest to the oldest.
template <class Visit>
void for_each_note(const Region& region, const Stack& dead, Visit visit) {
  auto& notes = this_thread.shadow;
  char* at = notes.end();
  while (at > notes.begin() + region.shadow_bytes) {
    at -= sizeof(Note);
    Note note;
    memcpy(&note, at, sizeof note);
    const size_t padded = note.padded_bytes();
    if (!dead.holds(note.address)) visit(note, old_of(at, padded), found_of(at, padded));
    at -= 2 * padded;
  }
}

bool within(const std::byte* address, const void* begin, size_t bytes) {
  auto* from = static_cast<const std::byte*>(begin);
  return address >= from && address < from + bytes;
}

bool is_dead(const std::byte* address, const Region& region) {
  auto& births = this_thread.births;
  for (size_t i = births.size(); i-- > region.births;)
    if (is_memory(births[i]) &&
        within(address, births[i].address, malloc_usable_size(births[i].address)))
      return true;
  auto& exceptions = this_thread.exceptions;
  for (size_t i = exceptions.size(); i-- > region.exceptions;)
    if (within(address, static_cast<std::byte*>(exceptions[i].object) - kExceptionHeaderBytes,
               exceptions[i].bytes + kExceptionHeaderBytes))
      return true;
  return false;
}

uint64_t word_at(const std::byte* bytes, size_t count) {
  uint64_t word = 0;
  memcpy(&word, bytes, count);
  return word;
}

// The number of words that differ.
size_t compare(const Note& note, const std::byte* found, const Region& region, size_t before) {
  size_t count = 0;
  if (memcmp(note.address, found, note.bytes) == 0) return 0;
  for (size_t at = 0; at < note.bytes; at += sizeof(uint64_t)) {
    const size_t bytes = std::min(note.bytes - at, sizeof(uint64_t));
    const uint64_t now = word_at(found + at, bytes), naive = word_at(note.address + at, bytes);
    if (now == naive || is_dead(note.address + at, region)) continue;
    if (before + count++ >= kReportedMax) continue;
    report("shadow: %p is %#llx after a rollback, and was %#llx; %zu bytes written by %s",
           static_cast<void*>(note.address + at), static_cast<unsigned long long>(now),
           static_cast<unsigned long long>(naive), note.bytes, note.writer);
  }
  return count;
}

}  // namespace

void shadow_bytes(const volatile void* address, size_t bytes, const char* writer) {
  if (!is_on || !in_region() || bytes == 0) return;
  auto& notes = this_thread.shadow;
  if (!notes.is_open()) notes.open(kShadowBytesMax, "bytes in the shadow of a region");
  const Note note = {static_cast<std::byte*>(const_cast<void*>(address)), bytes, writer};
  const size_t padded = note.padded_bytes();
  // Last, for the address may be bad, and a signal handler may leave the region.
  char* at = notes.end() + 2 * padded;
  memcpy(old_of(at, padded), note.address, bytes);
  memcpy(at, &note, sizeof note);
  std::atomic_signal_fence(std::memory_order_release);
  notes.grow(2 * padded + sizeof note);
}

void compare_with_shadow(const Region& region, const std::byte* stack_low) {
  if (!is_on) return;
  const Stack dead = {stack_low, end_of_frame(region.frame)};
  for_each_note(region, dead, [](const Note& note, std::byte*, std::byte* found) {
    memcpy(found, note.address, note.bytes);
  });
  for_each_note(region, dead, [](const Note& note, std::byte* old, std::byte*) {
    memcpy(note.address, old, note.bytes);
  });
  size_t differ = 0;
  for_each_note(region, dead, [&](const Note& note, std::byte*, std::byte* found) {
    differ += compare(note, found, region, differ);
  });
  if (differ != 0) fatal("shadow: %zu differences between the log and the naive one", differ);
  for_each_note(region, dead, [](const Note& note, std::byte*, std::byte* found) {
    memcpy(note.address, found, note.bytes);
  });
  this_thread.shadow.truncate(region.shadow_bytes);
}

Void __belay_shadow_on() { is_on = true; }

Void __belay_shadow_write(Ptr address, Size bytes, Ptr writer) {
  shadow_bytes(address, bytes, static_cast<const char*>(writer));
}

}  // namespace belay::region
