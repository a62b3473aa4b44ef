// Goal: a description read back is what was written, and a damaged one is refused, never believed.
#include "image/description.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace belay {
namespace {

struct Sample {
  std::vector<std::byte> memory = std::vector<std::byte>(1 << 16);
  DescriptionWriter writer{memory};

  Sample() {
    std::string_view strings("/bin/app\0/home\0app\0-x\0", 22);
    auto* process = writer.add<ProcessRecord>(RecordKind::kProcess, strings);
    process->magic = kDescriptionMagic;
    process->version = kDescriptionVersion;
    process->exe_bytes = 9;
    process->cwd_bytes = 6;
    process->command_line_bytes = 7;
    for (int i = 0; i < 3; i++) writer.add<ThreadRecord>(RecordKind::kThread)->tid = 100 + i;
    auto* mapping = writer.add<MappingRecord>(RecordKind::kMapping, "/lib/libc.so.6");
    mapping->start = {0x1000};
    mapping->end = {0x3000};
  }
};

TEST(Description, ReadsBackWhatWasWritten) {
  Sample sample;
  ASSERT_TRUE(sample.writer.status());
  auto description = Description::parse(sample.writer.bytes());
  ASSERT_TRUE(description) << description.error().message;
  EXPECT_EQ(description->executable(), "/bin/app");
  EXPECT_EQ(description->working_directory(), "/home");
  EXPECT_EQ(description->command_line(), std::string_view("app\0-x\0", 7));
  int tids = 0;
  description->for_each<ThreadRecord>(RecordKind::kThread,
                                      [&](const ThreadRecord& thread) { tids += thread.tid; });
  EXPECT_EQ(tids, 303);
  description->for_each<MappingRecord>(RecordKind::kMapping, [&](const MappingRecord& mapping) {
    EXPECT_EQ(tail(mapping), "/lib/libc.so.6");
    EXPECT_EQ(mapping.size(), 0x2000u);
  });
}

TEST(Description, SaysWhenMemoryIsFull) {
  std::vector<std::byte> memory(100);
  DescriptionWriter writer(memory);
  EXPECT_EQ(writer.add<ThreadRecord>(RecordKind::kThread), nullptr);
  EXPECT_FALSE(writer.status());
}

// Whatever parse() accepts can be walked to its end inside the bytes (the sanitizers watch).
TEST(Description, DamageIsRefusedOrHarmless) {
  std::mt19937 random(20240601);
  for (int round = 0; round < 20000; round++) {
    Sample sample;
    auto view = sample.writer.bytes();
    std::vector<std::byte> bytes(view.begin(), view.end());
    for (int flips = 0; flips < 3; flips++) {
      size_t at = random() % bytes.size();
      bytes[at] ^= std::byte(1 << random() % 8);
    }
    bytes.resize(bytes.size() - (random() % 3) * 8);
    auto description = Description::parse(bytes);
    if (!description) continue;
    size_t total = description->executable().size() + description->working_directory().size() +
                   description->command_line().size();
    description->for_each<MappingRecord>(
        RecordKind::kMapping, [&](const MappingRecord& mapping) { total += tail(mapping).size(); });
    EXPECT_LT(total, bytes.size());
  }
}

}  // namespace
}  // namespace belay
