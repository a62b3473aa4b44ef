// Goal: whichever call fails, and however, the writer says so, the last good checkpoint is intact,
// the space of the attempt is given back, no descriptor leaks, and the next attempt succeeds.
#include <atomic>

#include "store/fault_os.h"
#include "store/store_fixture.h"

namespace belay {
namespace {

struct Fault {
  const char* name;
  int code;
  bool sticky;        // the call fails from now on
  size_t torn_bytes;  // of a write
};

class FaultTest : public testing::TestWithParam<Fault> {};
INSTANTIATE_TEST_SUITE_P(Store, FaultTest,
                         testing::Values(Fault{"EioOnce", EIO, false, 0},
                                         Fault{"EioTorn", EIO, false, 1536},
                                         Fault{"EioOnAndOn", EIO, true, 512},
                                         Fault{"NoSpaceOnce", ENOSPC, false, 0},
                                         Fault{"NoSpaceTorn", ENOSPC, false, 4096},
                                         Fault{"NoSpaceOnAndOn", ENOSPC, true, 4096}),
                         [](const auto& info) { return info.param.name; });

// Fails call number `n` of the attempt. Returns false when the attempt makes fewer calls.
bool try_fault(const Fault& fault, bool full, uint64_t n, uint64_t seed) {
  TemporaryDirectory directory;
  FaultOs os;
  ModelStore store(os, directory.path(), seed, 24);
  for (bool first : {true, false, true, false}) EXPECT_TRUE(store.checkpoint(first));

  uint64_t count = 0;
  std::string failed_call;
  os.torn_bytes = fault.torn_bytes;
  os.fault = [&](uint64_t, std::string_view call) -> long {
    bool hit = count++ == n;
    if (hit) failed_call = call;
    return hit || (fault.sticky && call == failed_call) ? -fault.code : 0;
  };
  StorePosition before = store.position();
  Status status = store.checkpoint(full);
  os.fault = {};
  std::string where = fmt::format("call {} ({}), seed {}", n, failed_call, seed);
  EXPECT_EQ(os.open_fds(), 0u) << where;

  auto found = restore_newest(os, directory.path());
  EXPECT_TRUE(found) << where << ": " << (found ? "" : found.error().message);
  if (!found) return false;
  EXPECT_GE(found->sequence, before.sequence) << where;
  if (!status) {
    EXPECT_EQ(status.error().code, fault.code) << where << ": " << status.error().message;
    EXPECT_EQ(found->sequence, before.sequence) << where;
    EXPECT_EQ(store.position().sequence, before.sequence) << where;
    if (!fault.sticky) {
      EXPECT_LE(os.names.size(), 2u) << where;
    }
  }
  expect_as_committed(store, *found, where);

  EXPECT_TRUE(store.checkpoint(full)) << where << ": does not recover";
  found = restore_newest(os, directory.path());
  EXPECT_TRUE(found && found->sequence == store.position().sequence) << where;
  return count > n;
}

TEST_P(FaultTest, EveryCallInTurn) {
  uint64_t seed = test_seed();
  for (bool full : {true, false}) {
    uint64_t n = 0;
    while (try_fault(GetParam(), full, n, seed + n) && !HasFailure()) ++n;
    EXPECT_GT(n, 5u) << "an attempt makes more calls than that";
  }
}

// A disk that takes only so many bytes, under the real I/O thread.
class SmallDisk final : public Os {
 public:
  explicit SmallDisk(uint64_t end) : end_(end) {}
  std::atomic<bool> full{false};

  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    if (full && offset + bytes > end_) return -ENOSPC;
    return os_.pwrite(fd, data, bytes, offset);
  }
  long fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) override {
    return full ? -ENOSPC : os_.fallocate(fd, mode, offset, bytes);
  }
  long open(const char* path, int flags, unsigned mode) override {
    return os_.open(path, flags, mode);
  }
  long close(int fd) override { return os_.close(fd); }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    return os_.pread(fd, data, bytes, offset);
  }
  long fdatasync(int fd) override { return os_.fdatasync(fd); }
  long fsync(int fd) override { return os_.fsync(fd); }
  long ftruncate(int fd, uint64_t bytes) override { return os_.ftruncate(fd, bytes); }
  long fstat(int fd, struct stat* out) override { return os_.fstat(fd, out); }
  long rename(const char* from, const char* to) override { return os_.rename(from, to); }
  long link(const char* from, const char* to) override { return os_.link(from, to); }
  long unlink(const char* path) override { return os_.unlink(path); }
  long mkdir(const char* path, unsigned mode) override { return os_.mkdir(path, mode); }

 private:
  Os& os_ = real_os();
  uint64_t end_;
};

TEST(FaultThread, AFullDiskLosesNothing) {
  TemporaryDirectory directory;
  SmallDisk os(20 << 20);
  TestWriter writer(os, directory.path());
  std::vector<std::byte> pages(1 << 20, std::byte{7});
  ASSERT_TRUE(writer->begin({}, true, {}));
  ASSERT_TRUE(writer->append({0}, pages.data(), 1));
  auto position = writer->commit({}, 0);
  ASSERT_TRUE(position);

  os.full = true;
  for (bool full : {true, false}) {
    Status status = writer->begin(*position, full, {});
    for (uint64_t i = 0; i < 40 && status; ++i)
      status = writer->append({i << 20}, pages.data(), pages.size() / kPageBytes);
    if (status) {
      auto result = writer->commit({}, 0);
      ASSERT_FALSE(result);
      status = tl::make_unexpected(result.error());
    }
    EXPECT_EQ(status.error().code, ENOSPC);
    EXPECT_NE(status.error().text().find("free some space"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(directory.file(0)), position->end_offset);
    EXPECT_FALSE(std::filesystem::exists(directory.file(1)));
    auto found = restore_newest(os, directory.path());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->pages.size(), 1u);
  }
}

}  // namespace
}  // namespace belay
