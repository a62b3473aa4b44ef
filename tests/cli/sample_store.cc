#include "sample_store.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <time.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "image/description.h"
#include "store/reader.h"
#include "store/writer.h"

namespace belay {
namespace {

constexpr uint64_t kSampleAddress = 0x10'0000'0000;

uint64_t now_ns() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

std::vector<std::byte> sample_description(unsigned pages) {
  std::vector<std::byte> memory(1 << 16);
  DescriptionWriter writer(memory);
  auto text = [](std::string s) { return s + '\0'; };
  std::string exe = text(kSampleProgram), cwd = text("/"),
              line = text(kSampleProgram) + text(kSampleArgument);
  auto* process = writer.add<ProcessRecord>(RecordKind::kProcess, exe + cwd + line);
  process->magic = kDescriptionMagic;
  process->version = kDescriptionVersion;
  process->pid = 4711;
  process->taken_unix_ns = now_ns();
  process->exe_bytes = uint32_t(exe.size());
  process->cwd_bytes = uint32_t(cwd.size());
  process->command_line_bytes = uint32_t(line.size());
  process->thread_count = 2;
  for (int i = 0; i < 2; i++) {
    auto* thread = writer.add<ThreadRecord>(RecordKind::kThread);
    thread->tid = 4711 + i;
    thread->flags = i == 0 ? kThreadMain : 0;
    const std::string name = i == 0 ? "sample" : "worker";
    name.copy(thread->name, sizeof thread->name - 1);
  }
  auto* mapping = writer.add<MappingRecord>(RecordKind::kMapping, "/lib/libsample.so");
  mapping->start = {kSampleAddress};
  mapping->end = {kSampleAddress + pages * kPageBytes};
  mapping->kind = MappingKind::kPrivateFile;
  mapping->protection = PROT_READ | PROT_WRITE;
  auto* file = writer.add<FileRecord>(RecordKind::kFile, "/var/log/sample");
  file->fd = 5;
  file->offset = 123;
  EXPECT_TRUE(writer.status());
  auto bytes = writer.bytes();
  return {bytes.begin(), bytes.end()};
}

// A writer of its own each time, as in a program that was run again.
class SampleWriter {
 public:
  explicit SampleWriter(const std::string& directory) : directory_(directory) {
    std::filesystem::create_directories(directory);
    memory_ = mmap(nullptr, CheckpointWriter::kMemoryBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_TRUE(writer_.open(real_os(), directory.c_str(),
                             {static_cast<std::byte*>(memory_), CheckpointWriter::kMemoryBytes}));
  }
  ~SampleWriter() {
    writer_.close();
    munmap(memory_, CheckpointWriter::kMemoryBytes);
  }

  void write(bool full, unsigned pages) {
    BuildIdentity identity;
    EXPECT_TRUE(writer_.begin(position(), full, identity));
    // Each page differs, from the others and from what it was.
    void* data = nullptr;
    EXPECT_EQ(posix_memalign(&data, kPageBytes, pages * kPageBytes), 0);
    for (unsigned i = 0; i < pages; i++) {
      memset(static_cast<std::byte*>(data) + i * kPageBytes, int(++written_ % 251), kPageBytes);
    }
    EXPECT_TRUE(writer_.append({kSampleAddress}, static_cast<std::byte*>(data), pages));
    auto committed = writer_.commit(sample_description(pages), now_ns());
    EXPECT_TRUE(committed) << committed.error().message;
    free(data);
  }

 private:
  StorePosition position() const {
    auto list = list_checkpoints(real_os(), directory_);
    return list && !list->empty() ? list->front().position : StorePosition{};
  }

  std::string directory_;
  CheckpointWriter writer_;
  void* memory_ = nullptr;
  unsigned written_ = 0;
};

}  // namespace

void write_sample_store(const std::string& store, const std::string& name, unsigned count,
                        unsigned pages) {
  SampleWriter writer(store + "/" + name);
  for (unsigned i = 0; i < count; i++) writer.write(i == 0, i == 0 ? pages : 1);
}

void write_full_checkpoint(const std::string& store, const std::string& name) {
  SampleWriter(store + "/" + name).write(true, 1);
}

void flip_bit(const std::string& file, uint64_t offset) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(long(offset));
  char c = char(bytes.get());
  bytes.seekp(long(offset));
  bytes.put(char(c ^ 1));
  EXPECT_TRUE(bytes.good()) << file << " at " << offset;
}

}  // namespace belay
