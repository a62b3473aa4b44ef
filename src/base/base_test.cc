// Goal: the ground that everything stands on: errors carry a sentence, text fits, raw threads run
// and end, the seam transfers whole blocks.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/os.h"
#include "base/page.h"
#include "base/raw_thread.h"
#include "base/syscall.h"
#include "base/text.h"

namespace belay {
namespace {

Status failing() { return fail(ENOSPC, "{}: {}", "/disk", errno_text(ENOSPC)); }

TEST(Error, CarriesCodeAndSentence) {
  Status status = failing();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ENOSPC);
  EXPECT_EQ(status.error().text(), "/disk: No space left on device");
}

TEST(Error, CutsALongSentence) {
  Status status = fail(EIO, "{}", std::string(1000, 'x'));
  EXPECT_EQ(status.error().text().size(), sizeof(Error::message) - 1);
}

TEST(Text, IsCutToFitAndEnds) {
  char path[6];
  copy_text(path, "abc");
  append_text(path, ".");
  EXPECT_STREQ(path, "abc.");
  append_text(path, "old");
  EXPECT_STREQ(path, "abc.o");
  append_text(path, "x");
  EXPECT_STREQ(path, "abc.o");
  copy_text(path, "longer than that");
  EXPECT_STREQ(path, "longe");
}

TEST(RawThread, RunsAndEnds) {
  void* stack = reinterpret_cast<void*>(sys::mmap(nullptr, kRawThreadStackBytes, 3, 0x22, -1, 0));
  int value = 0;
  RawThread thread;
  ASSERT_EQ(start_raw_thread(
                &thread, stack, [](void* p) { *static_cast<int*>(p) = 42; }, &value),
            0);
  join_raw_thread(&thread);
  EXPECT_EQ(value, 42);
  EXPECT_EQ(thread.tid, 0);
}

TEST(Os, ReadsWhatItWrote) {
  std::string path = testing::TempDir() + "belay_os_test";
  Os& os = real_os();
  long fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  ASSERT_GE(fd, 0);
  std::vector<char> out(100000, 'b'), in(200000);
  EXPECT_EQ(os.pwrite(int(fd), out.data(), out.size(), 5), 100000);
  EXPECT_EQ(os.pread(int(fd), in.data(), in.size(), 5), 100000) << "ends at the end of the file";
  EXPECT_EQ(in[99999], 'b');
  EXPECT_EQ(os.open("/no/such/file", O_RDONLY, 0), -ENOENT);
  os.close(int(fd));
  os.unlink(path.c_str());
}

TEST(Checksum, DiffersForOneFlippedBit) {
  std::vector<std::byte> page(kPageBytes);
  uint64_t before = checksum(page);
  page[4095] ^= std::byte{1};
  EXPECT_NE(before, checksum(page));
}

}  // namespace
}  // namespace belay
