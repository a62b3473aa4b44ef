// Goal: open files come back at their numbers, positions and lengths, pipes with what was in them,
// and what cannot come back is refused by name.
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "files/descriptors.h"

namespace belay {
namespace {

// Everything open before the test is none of its business.
class Files : public testing::Test {
 protected:
  Files() : given_(given_descriptors()) {
    for (int i = 0; i < given_.count; i++)
      if (given_.fd[i] > 2) own_.push_back(given_.fd[i]);
  }

  Status describe() {
    memory_.assign(1 << 20, std::byte{});
    writer_ = DescriptionWriter(memory_);
    auto* process = writer_.add<ProcessRecord>(RecordKind::kProcess, std::string_view("x\0/\0", 4));
    process->magic = kDescriptionMagic;
    process->version = kDescriptionVersion;
    process->exe_bytes = process->cwd_bytes = 2;
    return describe_files(own_, "/no/such/store", given_, writer_);
  }
  Description description() { return *Description::parse(writer_.bytes()); }

  std::string path(const char* name) { return testing::TempDir() + "belay_files_" + name; }
  int open_new(const char* name, int flags) {
    return open(path(name).c_str(), flags | O_CREAT | O_TRUNC, 0600);
  }

  GivenDescriptors given_;
  std::vector<int> own_;
  std::vector<std::byte> memory_;
  DescriptionWriter writer_;
};

TEST_F(Files, AFileGoesBackToItsPositionAndLength) {
  int fd = open_new("output", O_RDWR);
  int same = dup(fd);
  ASSERT_EQ(write(fd, "first", 5), 5);
  Status status = describe();
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_EQ(write(fd, " written after the checkpoint", 29), 29);
  close(fd);
  close(same);
  ASSERT_TRUE(check_files(description()));
  status = restore_files(description(), false);
  ASSERT_TRUE(status) << status.error().message;
  struct stat now;
  fstat(fd, &now);
  EXPECT_EQ(now.st_size, 5);
  EXPECT_EQ(write(same, "|", 1), 1) << "the duplicate shares the position";
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 6);
  close(fd);
  close(same);
}

TEST_F(Files, APipeToItselfComesBackFull) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "still here", 10), 10);
  Status status = describe();
  ASSERT_TRUE(status) << status.error().message;
  char text[16] = {};
  EXPECT_EQ(read(ends[0], text, 16), 10) << "describing takes nothing out";
  close(ends[0]);
  close(ends[1]);
  status = restore_files(description(), false);
  ASSERT_TRUE(status) << status.error().message;
  char again[16] = {};
  EXPECT_EQ(read(ends[0], again, 16), 10);
  EXPECT_STREQ(again, "still here");
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Files, WhatCannotComeBackIsRefusedByName) {
  int sockets[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  Status status = describe();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ENOTSUP);
  EXPECT_NE(status.error().text().find("socket:"), std::string_view::npos);
  close(sockets[0]);
  close(sockets[1]);

  int fd = open_new("deleted", O_RDWR);
  unlink(path("deleted").c_str());
  EXPECT_FALSE(describe());
  close(fd);

  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_FALSE(describe()) << "half a pipe";
  close(ends[1]);
  EXPECT_TRUE(describe());
}

TEST_F(Files, AFileThatLostBytesStopsTheRestoreBeforeItBegins) {
  int fd = open_new("shrunk", O_WRONLY);
  ASSERT_EQ(write(fd, "0123456789", 10), 10);
  ASSERT_TRUE(describe());
  ASSERT_EQ(ftruncate(fd, 4), 0);
  EXPECT_FALSE(check_files(description()));
  close(fd);
  unlink(path("shrunk").c_str());
  EXPECT_FALSE(check_files(description()));
}

}  // namespace
}  // namespace belay
