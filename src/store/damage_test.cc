// Goal: no damage is ever restored. A flipped bit is refused or falls back to an older checkpoint,
// and no bytes whatever, checksums that fit included, crash the reader.
#include <cstddef>

#include "store/fault_os.h"
#include "store/format.h"
#include "store/store_fixture.h"

namespace belay {
namespace {

struct DamageTest : testing::Test {
  DamageTest() {
    for (bool full : {true, false, false, true, false, false}) {
      auto status = store.checkpoint(full);
      EXPECT_TRUE(status) << status.error().message;
    }
    os.log.clear();
  }

  FaultOs::Bytes& file(uint32_t generation) {
    return os.inodes.at(os.names.at(directory.file(int(generation)))).data;
  }
  FaultOs::Bytes& newest() { return file(store.position().generation); }

  // Flips one bit, restores, flips it back. Returns what was restored: 0 for a refusal.
  uint64_t restored_with_flip(FaultOs::Bytes& bytes, uint64_t bit) {
    std::byte mask{static_cast<unsigned char>(1u << bit % 8)};
    bytes[bit / 8] ^= mask;
    auto found = restore_newest(os, directory.path());
    bytes[bit / 8] ^= mask;
    if (!found) return 0;
    expect_as_committed(store, *found, "bit " + std::to_string(bit));
    return found->sequence;
  }

  TemporaryDirectory directory;
  uint64_t seed = test_seed();
  std::mt19937_64 random{seed};
  FaultOs os;
  ModelStore store{os, directory.path(), seed, 24};
};

TEST_F(DamageTest, EveryBitOfMetadataCounts) {
  auto list = list_checkpoints(os, directory.path());
  ASSERT_TRUE(list);
  const CheckpointInfo& last = list->front();
  uint64_t begin = last.position.end_offset - last.file_bytes;
  for (uint64_t bit = 0; bit < kPageBytes * 8 && !HasFatalFailure(); ++bit)
    ASSERT_EQ(restored_with_flip(newest(), begin * 8 + bit), last.position.sequence - 1) << bit;
}

TEST_F(DamageTest, AFlippedBitAnywhereIsNeverRestored) {
  size_t refused = 0, fell_back = 0;
  for (int i = 0; i < 20'000 && !HasFatalFailure(); ++i) {
    FaultOs::Bytes& bytes = file(random() % 2);
    uint64_t sequence = restored_with_flip(bytes, random() % (bytes.size() * 8));
    if (sequence == 0) ++refused;
    if (sequence != 0 && sequence != store.position().sequence) ++fell_back;
  }
  EXPECT_GT(refused, 0u) << "a page of the newest is hit sometimes";
  EXPECT_GT(fell_back, 0u);
}

TEST_F(DamageTest, ADamagedPageIsNamed) {
  auto loaded = load_newest(os, directory.path(), 0, nullptr);
  ASSERT_TRUE(loaded);
  ASSERT_FALSE(loaded->runs.empty());
  const StoredRun& run = loaded->runs[random() % loaded->runs.size()];
  newest()[run.file_offset + random() % kPageBytes] ^= std::byte{16};
  Status status = verify_pages(os, *loaded, 2);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, EBADMSG);
  EXPECT_NE(status.error().text().find(fmt::format("{:#x}", run.address.value)), std::string::npos)
      << status.error().message;
}

// Reads everything there is; the only promise is to come back.
void read_all(Os& os, const std::string& directory) {
  auto list = list_checkpoints(os, directory);
  if (!list) return;
  for (const auto& info : *list) {
    auto loaded = load_checkpoint(os, info);
    if (!loaded) continue;
    (void)verify_pages(os, *loaded, 1);
    os.close(loaded->fd);
  }
}

uint64_t odd_number(std::mt19937_64& random) {
  constexpr uint64_t kOdd[] = {0,    1,     2,           7,          127,
                               4095, 4096,  4097,        1ull << 31, 1ull << 32,
                               ~0u,  ~0ull, ~0ull << 12, 1ull << 63, (1ull << 63) - 4096};
  uint64_t pick = random() % (std::size(kOdd) + 2);
  if (pick == std::size(kOdd)) return random();
  if (pick > std::size(kOdd)) return random() % 64 * kPageBytes;
  return kOdd[pick];
}

// Puts a number into a random word of the METADATA, the index header or the extents of the file's
// first segment, and makes the checksums fit, so that the validation behind them is reached.
void forge(FaultOs::Bytes& bytes, std::mt19937_64& random) {
  auto& metadata = *reinterpret_cast<format::Metadata*>(bytes.data());
  auto put = [&](std::byte* begin, size_t size) {
    uint64_t number = odd_number(random);
    memcpy(begin + random() % (size / 4) * 4 / 8 * 8, &number, sizeof number);
  };
  if (random() % 2 == 0) {
    put(bytes.data() + 8, 160);
  } else {
    auto& header = *reinterpret_cast<format::IndexHeader*>(bytes.data() + metadata.index.offset);
    auto* extents = reinterpret_cast<std::byte*>(&header + 1);
    size_t size = header.extents * sizeof(format::Extent);
    if (size != 0 && random() % 2 == 0)
      put(extents, size);
    else
      put(reinterpret_cast<std::byte*>(&header), 96);
    header.extents_checksum = checksum(extents, size);
    metadata.index.checksum = checksum(&header, sizeof header);
  }
  metadata.checksum = checksum_of(metadata);
}

TEST_F(DamageTest, ForgedFilesDoNotCrashTheReader) {
  FaultOs::Bytes intact = file(0);
  for (int i = 0; i < 20'000; ++i) {
    forge(file(0), random);
    read_all(os, directory.path());
    file(0) = intact;
  }
}

TEST_F(DamageTest, RandomBytesDoNotCrashTheReader) {
  FaultOs::Bytes intact = file(0);
  auto& inode = os.inodes.at(os.names.at(directory.file(0)));
  uint64_t intact_bytes = inode.bytes;
  for (int i = 0; i < 5'000; ++i) {
    auto& bytes = inode.data;
    for (uint64_t n = random() % 8; n-- > 0;) bytes[random() % bytes.size()] = std::byte(random());
    uint64_t from = random() % (bytes.size() / kPageBytes) * kPageBytes;
    uint64_t to = random() % (bytes.size() / kPageBytes) * kPageBytes;
    if (random() % 2 == 0) memmove(&bytes[to], &bytes[from], kPageBytes);
    if (random() % 4 == 0) bytes.resize(inode.bytes = random() % intact_bytes);
    read_all(os, directory.path());
    inode.data = intact;
    inode.bytes = intact_bytes;
  }
}

}  // namespace
}  // namespace belay
