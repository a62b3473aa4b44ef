// What is measured with undo and without: the same source for every compiler. Transactions want
// their callees' definitions, and the plugin makes a clone of each.
#pragma once

#include <cstddef>
#include <cstdint>

constexpr size_t kWords = 1024;  // 8 KiB of state: in the first-level cache
constexpr size_t kRecordFields = 4;

struct Record {
  uint64_t key, left, right, weight;
};

// One store a turn, to a place that nobody can foresee: nothing to prove, nothing to share.
[[gnu::noinline]] inline void scatter(uint64_t* words, const uint32_t* at, size_t entries) {
  for (size_t i = 0; i < entries; i++) words[at[i % kWords]] = i;
}

// Four stores a turn to the fields of one: appends that may share their bookkeeping.
[[gnu::noinline]] inline void records(uint64_t* words, const uint32_t* at, size_t entries) {
  auto* all = reinterpret_cast<Record*>(words);
  for (size_t i = 0; i < entries; i += kRecordFields) {
    Record& record = all[at[i % kWords] / kRecordFields];
    record.key = i;
    record.left = i * 3;
    record.right = i ^ 5;
    record.weight = i + 7;
  }
}
