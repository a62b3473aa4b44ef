// The vocabulary of the store's tests: a store in a temporary directory, a model of what it should
// hold, and pages that say who wrote them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "store/reader.h"
#include "store/writer.h"

namespace belay {

using Page = std::array<std::byte, kPageBytes>;
using Model = std::map<uint64_t, Page>;  // by address

inline Page page_of(uint64_t value) {
  Page page;
  std::mt19937_64 random(value);
  for (size_t i = 0; i < page.size(); i += 8) {
    uint64_t word = random();
    memcpy(page.data() + i, &word, 8);
  }
  return page;
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "belay_store_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string file(int generation) const {
    return path_ + "/generation." + std::to_string(generation);
  }

 private:
  std::string path_;
};

// A writer with its memory.
class TestWriter {
 public:
  TestWriter(Os& os, const std::string& directory, IoMode mode = IoMode::kThread,
             size_t bytes = CheckpointWriter::kMemoryBytes)
      : bytes_(bytes) {
    memory_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto status =
        writer_.open(os, directory.c_str(), {static_cast<std::byte*>(memory_), bytes}, mode);
    EXPECT_TRUE(status) << status.error().message;
  }
  ~TestWriter() {
    writer_.close();
    munmap(memory_, bytes_);
  }
  CheckpointWriter* operator->() { return &writer_; }

 private:
  CheckpointWriter writer_;
  size_t bytes_;
  void* memory_;
};

// Every page of a loaded checkpoint, verified.
inline Result<Model> pages_of(Os& os, const LoadedCheckpoint& checkpoint) {
  Model pages;
  BELAY_TRY(verify_pages(os, checkpoint, 2));
  for (const auto& run : checkpoint.runs) {
    for (uint64_t i = 0; i < run.page_count; ++i) {
      Page& page = pages[run.address.value + i * kPageBytes];
      os.pread(checkpoint.fd, page.data(), page.size(), run.file_offset + i * kPageBytes);
    }
  }
  return pages;
}

struct Restored {
  uint64_t sequence = 0;
  std::string description;
  Model pages;
};

// What a restore would find: the newest checkpoint, whole.
inline Result<Restored> restore_newest(Os& os, const std::string& directory,
                                       uint64_t sequence = 0) {
  BELAY_ASSIGN(auto loaded, load_newest(os, directory, sequence, nullptr));
  auto pages = pages_of(os, loaded);
  os.close(loaded.fd);
  if (!pages) return tl::make_unexpected(pages.error());
  const auto* text = reinterpret_cast<const char*>(loaded.description.data());
  return Restored{loaded.info.position.sequence, std::string(text, loaded.description.size()),
                  std::move(*pages)};
}

// Drives a writer with random checkpoints and remembers what each of them holds.
class ModelStore {
 public:
  ModelStore(Os& os, const std::string& directory, uint64_t seed, uint64_t pages)
      : writer_(os, directory, IoMode::kInline), random_(seed), pages_(pages) {}

  // Appends and discards at random, then commits, or gives up.
  Status checkpoint(bool full, bool commit = true) {
    Model next = full ? Model{} : last_;
    BELAY_TRY(writer_->begin(position_, full, {}));
    uint64_t operations = random_() % 8 + 1;
    for (uint64_t i = 0; i < operations; ++i) BELAY_TRY(change(next, i != 0));
    if (!commit) {
      writer_->abandon();
      return {};
    }
    std::string description(random_() % 9000, char('a' + random_() % 26));
    BELAY_ASSIGN(position_, writer_->commit(bytes_of(description), 1));
    last_ = next;
    committed[position_.sequence] = {position_.sequence, description, std::move(next)};
    return {};
  }

  StorePosition position() const { return position_; }

  std::map<uint64_t, Restored> committed;

 private:
  Status change(Model& model, bool may_discard) {
    uint64_t first = random_() % pages_, count = random_() % 4 + 1;
    if (may_discard && random_() % 4 == 0) {
      for (uint64_t i = 0; i < count; ++i) model.erase((first + i) * kPageBytes);
      return writer_->discard({first * kPageBytes}, count);
    }
    std::vector<Page> data;
    for (uint64_t i = 0; i < count; ++i) {
      data.push_back(page_of(random_()));
      model[(first + i) * kPageBytes] = data.back();
    }
    return writer_->append({first * kPageBytes}, data.front().data(), count);
  }

  TestWriter writer_;
  std::mt19937_64 random_;
  uint64_t pages_;
  StorePosition position_;
  Model last_;
};

// What `found` holds is what was committed under its number.
inline void expect_as_committed(const ModelStore& store, const Restored& found,
                                const std::string& where) {
  auto wanted = store.committed.find(found.sequence);
  ASSERT_NE(wanted, store.committed.end()) << where << ": restored " << found.sequence;
  ASSERT_EQ(found.description, wanted->second.description) << where;
  ASSERT_TRUE(found.pages == wanted->second.pages)
      << where << ": pages of checkpoint " << found.sequence << " differ";
}

// BELAY_TEST_SEED replays a run.
inline uint64_t test_seed() {
  const char* fixed = getenv("BELAY_TEST_SEED");
  uint64_t seed = fixed != nullptr ? strtoull(fixed, nullptr, 0) : std::random_device{}();
  printf("BELAY_TEST_SEED=%lu\n", seed);
  return seed;
}

}  // namespace belay
