#include "region/races.h"

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>

#include "region/entry.h"
#include "region/settings.h"

namespace belay::region {

bool races_watched = false;

namespace {

// Bytes of one 8-byte word that a thread's regions wrote; the last of them ended at `ended`.
struct Write {
  uint64_t word;
  uint8_t bytes;  // a bit for each
  int thread;
  uint64_t ended;
  Place place;
  Write* next;  // in its bucket
};

constexpr int kBucketsLog2 = 16;
constexpr size_t kWritesMax = size_t{1} << 26;
constexpr size_t kReportsMax = 1000;

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
uint64_t now;  // counts beginnings and ends
Write* buckets[size_t{1} << kBucketsLog2];
ReservedStack<Write> writes;
Write* unused;
size_t live, swept_at = size_t{1} << 16;
Thread* open_threads;
struct Pair {
  Place a, b;
};
ReservedStack<Pair> reported;

Write*& bucket_of(uint64_t word) {
  return buckets[word * 0x9e3779b97f4a7c15u >> (64 - kBucketsLog2)];
}

bool is_same(const Place& a, const Place& b) { return a.region == b.region && a.code == b.code; }

bool is_new(const Place& a, const Place& b) {
  for (const Pair& each : reported)
    if ((is_same(each.a, a) && is_same(each.b, b)) || (is_same(each.a, b) && is_same(each.b, a)))
      return false;
  if (reported.size() == kReportsMax) return false;
  reported.push({a, b});
  return true;
}

void report_side(int thread, const Place& place) {
  report("  thread %d, in a region that begins in", thread);
  report_place(place.region);
  if (place.code == nullptr) return;
  report("   and writes it in");
  report_place(place.code);
}

void report_race(const Write& earlier, uint64_t word, uint8_t bytes, int thread,
                 const Place& place) {
  if (!is_new(earlier.place, place)) return;
  auto both = static_cast<unsigned>(earlier.bytes & bytes);
  report("regions of two threads write the same memory: %d bytes at %p", __builtin_popcount(both),
         reinterpret_cast<void*>(word + static_cast<unsigned>(__builtin_ctz(both))));
  report_side(earlier.thread, earlier.place);
  report_side(thread, place);
  report("  a rollback of one undoes what the other wrote: regions are no transactions");
  if (reported.size() == kReportsMax) report("further races are not reported");
  if (settings().races == CKPT_RACES_REFUSE) abort();
}

void drop_writes(Write** bucket, bool (*is_dead)(const Write&, uint64_t, uint64_t), uint64_t a,
                 uint64_t b) {
  while (Write* write = *bucket) {
    if (!is_dead(*write, a, b)) {
      bucket = &write->next;
      continue;
    }
    *bucket = write->next;
    write->next = unused;
    unused = write;
    live--;
  }
}

// What no open region can have met any more is forgotten.
void sweep(uint64_t oldest_begin) {
  for (Write*& bucket : buckets)
    drop_writes(
        &bucket, [](const Write& w, uint64_t begin, uint64_t) { return w.ended < begin; },
        oldest_begin, 0);
  swept_at = 2 * live + (size_t{1} << 16);
}

Write* new_write() {
  live++;
  if (unused == nullptr) return writes.grow(1);
  Write* write = unused;
  unused = write->next;
  return write;
}

void cut_places(Thread& thread, const std::byte* log_top) {
  size_t left = thread.places.size();
  while (left > 0 && thread.places[left - 1].log_top > log_top) left--;
  thread.places.truncate(left);
}

// One region that ends.
struct Check {
  int thread;
  uint64_t began;
  bool others_open;  // that may meet what this one wrote

  void word(uint64_t word, uint8_t bytes, const Place& place) const {
    bool known = false;
    for (Write* write = bucket_of(word); write != nullptr; write = write->next) {
      if (write->word != word) continue;
      if (write->thread != thread) {
        if (write->ended > began && (write->bytes & bytes) != 0)
          report_race(*write, word, bytes, thread, place);
      } else if (!known && (write->bytes | bytes) == bytes) {
        *write = {word, bytes, thread, now, place, write->next};
        known = true;
      } else if (write->ended == now && (write->bytes & bytes) == bytes) {
        known = true;
      }
    }
    if (known || !others_open) return;
    Write*& bucket = bucket_of(word);
    Write* write = new_write();
    *write = {word, bytes, thread, now, place, bucket};
    bucket = write;
  }

  void range(uint64_t at, size_t bytes, const Place& place) const {
    while (bytes > 0) {
      const uint64_t first = at % 8, here = bytes < 8 - first ? bytes : 8 - first;
      word(at - first, static_cast<uint8_t>(((1u << here) - 1) << first), place);
      at += here;
      bytes -= here;
    }
  }
};

void read_log(Thread& thread, const Region& region, const std::byte* stack_low,
              const Check& check) {
  const auto low = reinterpret_cast<uint64_t>(stack_low);
  const uint64_t dead_bytes = reinterpret_cast<uint64_t>(region.frame) - low;
  auto* top = static_cast<const std::byte*>(__belay_log_top);
  auto& places = thread.places;
  for (size_t left = places.size(); top > region.log_top;) {
    Place place = {region.begun_at, nullptr, nullptr};
    for (; left > 0 && places[left - 1].log_top >= top; left--)
      if (places[left - 1].log_top == top) place.code = places[left - 1].code;
    top -= sizeof(Entry);
    const Entry entry = *reinterpret_cast<const Entry*>(top);
    const uint64_t kind = entry.tag >> kKindShift, at = entry.tag & kAddressMask;
    const bool block = kind == kBlock || kind == kSkip;
    if (block) top -= payload_bytes(entry.value);
    if (at - low < dead_bytes || kind == kSkip) continue;
    check.range(at, block ? entry.value : kind, place);
  }
}

}  // namespace

void begin_watched(Thread& thread, Region& region) {
  pthread_mutex_lock(&mutex);
  if (reported.begin() == nullptr) {
    writes.open(kWritesMax, "words watched for races");
    reported.open(kReportsMax, "races");
  }
  region.began = ++now;
  if (thread.open_since == 0) {
    thread.next_open = open_threads;
    open_threads = &thread;
  }
  if (thread.regions.size() == 1) {
    thread.open_since = now;
    thread.places.truncate(0);
  }
  pthread_mutex_unlock(&mutex);
}

void check_races(Thread& thread, const Region& region, const std::byte* stack_low) {
  pthread_mutex_lock(&mutex);
  ++now;
  uint64_t oldest = now;
  bool others_open = false;
  for (Thread* each = open_threads; each != nullptr; each = each->next_open) {
    if (each->open_since < oldest) oldest = each->open_since;
    others_open |= each != &thread;
  }
  read_log(thread, region, stack_low, {gettid(), region.began, others_open});
  if (live > swept_at) sweep(oldest);
  pthread_mutex_unlock(&mutex);
  cut_places(thread, region.log_top);
}

void end_watched(Thread& thread) {
  pthread_mutex_lock(&mutex);
  Thread** link = &open_threads;
  while (*link != nullptr && *link != &thread) link = &(*link)->next_open;
  if (*link != nullptr) *link = thread.next_open;
  thread.open_since = 0;
  thread.places.truncate(0);
  if (open_threads == nullptr && live > 0) sweep(now + 1);
  pthread_mutex_unlock(&mutex);
}

void forget_writes(const void* block, size_t bytes) {
  if (!races_watched || block == nullptr) return;
  const auto begin = reinterpret_cast<uint64_t>(block), end = begin + bytes;
  auto within = [](const Write& w, uint64_t from, uint64_t to) {
    return w.word - from < to - from;
  };
  pthread_mutex_lock(&mutex);
  if (bytes / 8 > sizeof buckets / sizeof buckets[0]) {
    for (Write*& bucket : buckets) drop_writes(&bucket, within, begin & ~uint64_t{7}, end);
  } else if (live > 0) {
    for (uint64_t word = begin & ~uint64_t{7}; word < end; word += 8)
      drop_writes(&bucket_of(word), within, begin & ~uint64_t{7}, end);
  }
  pthread_mutex_unlock(&mutex);
}

void note_place(const void* code) {
  auto& places = this_thread.places;
  auto* top = static_cast<std::byte*>(__belay_log_top);
  if (!in_region()) return;
  places.push({nullptr, code, top});
}

}  // namespace belay::region
