// Goal: after a rollback memory, registers and offsets are what they were at the savepoint, however
// they were changed; what can't be brought back is refused, and then nothing has happened.
#include "belay/savepoint.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/page.h"
#include "savepoint/outside.h"

namespace belay {
namespace {

int g_number = 1;
thread_local int t_number = 1;

// Takes one, and releases it and its descendants when the test ends well.
class Point {
 public:
  int take() {
    int result = belay_savepoint(&id_);
    if (result < 0) ADD_FAILURE() << belay_crerror();
    return result;
  }
  ~Point() {
    belay_release_descendants(id_);
    belay_release_savepoint(id_);
  }
  belay_savepoint_t id() const { return id_; }
  [[noreturn]] void back(int value) {
    belay_rollback_to(id_, value);
    fprintf(stderr, "refused: %s\n", belay_crerror());
    abort();
  }

 private:
  belay_savepoint_t id_ = 0;
};

TEST(Savepoint, EveryKindOfMemoryGoesBack) {
  Verdict verdict;
  Outside<int> returns;
  std::vector<int> heap(100000, 7);
  std::map<int, std::string> tree{{1, "one"}};
  int local = 5;
  Point point;
  int came = point.take();
  BELAY_EXPECT(verdict, came == *returns, came);
  BELAY_EXPECT(verdict, g_number == 1 && t_number == 1 && local == 5, g_number);
  BELAY_EXPECT(verdict, heap.size() == 100000 && heap[5000] == 7, heap[5000]);
  BELAY_EXPECT(verdict, tree.size() == 1 && tree[1] == "one", long(tree.size()));
  BELAY_EXPECT(verdict, errno != 12345, errno);
  if (++*returns <= 300) {
    g_number = t_number = local = 2;
    heap[5000] = 8;
    heap.resize(200000 + size_t(came) * 100);
    for (int i = 0; i < 1000; i++) tree[i] = std::string(size_t(i), 'x');
    errno = 12345;
    point.back(*returns);
  }
  EXPECT_EQ(came, 300);
}

// The function that took it may have returned, and others have used its stack.
[[gnu::noinline]] int take_deeper(belay_savepoint_t* out, int depth) {
  volatile char filler[3000];
  memset(const_cast<char*>(filler), depth, sizeof filler);
  int result = depth == 0 ? belay_savepoint(out) : take_deeper(out, depth - 1);
  return filler[1000] == char(depth) ? result : -1000;
}

TEST(Savepoint, AFunctionThatHasReturnedReturnsAgain) {
  Verdict verdict;
  Outside<int> returns;
  belay_savepoint_t here;
  int came = take_deeper(&here, 20);
  BELAY_EXPECT(verdict, came == *returns, came);
  if (++*returns <= 20) {
    take_deeper(&here, 3);  // another one
    belay_savepoint_t first = belay_savepoint_parent(here);
    belay_rollback_to(first, *returns);
  }
  belay_release_descendants(here);
  belay_release_savepoint(here);
}

TEST(Savepoint, FloatingPointModeGoesBack) {
  Verdict verdict;
  Outside<int> returns;
  Point point;
  point.take();
  BELAY_EXPECT(verdict, fegetround() == FE_TONEAREST, fegetround());
  if (++*returns <= 2) {
    fesetround(FE_UPWARD);
    point.back(1);
  }
}

TEST(Savepoint, SignalMaskGoesBack) {
  Verdict verdict;
  Outside<int> returns;
  Point point;
  point.take();
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  BELAY_EXPECT(verdict, sigismember(&mask, SIGUSR1) == 0, 0);
  if (++*returns <= 2) {
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
    point.back(1);
  }
}

// Mapped, unmapped, protected, moved, given back.
TEST(Savepoint, MappingsGoBack) {
  Verdict verdict;
  Outside<int> returns;
  Outside<char*> newer;
  constexpr size_t kPages = 64;
  auto map = [](size_t pages) {
    return static_cast<char*>(mmap(nullptr, pages * kPageBytes, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  };
  char* area = map(kPages);
  for (size_t i = 0; i < kPages / 2; i++) area[i * kPageBytes] = char(i + 1);
  char* constant = map(2);
  constant[0] = 42;
  mprotect(constant, 2 * kPageBytes, PROT_READ);
  Point point;
  int came = point.take();
  unsigned char present;
  BELAY_EXPECT(verdict, came == 0 || mincore(*newer, kPageBytes, &present) == -1, came);
  for (size_t i = 0; i < kPages; i++)
    BELAY_EXPECT(verdict, area[i * kPageBytes] == char(i < kPages / 2 ? i + 1 : 0), long(i));
  BELAY_EXPECT(verdict, constant[0] == 42, came);
  switch ((*returns)++) {
    case 0:
      munmap(area, kPages * kPageBytes);
      break;
    case 1:
      munmap(area + 8 * kPageBytes, 8 * kPageBytes);
      break;
    case 2:
      madvise(area, kPages * kPageBytes, MADV_DONTNEED);
      break;
    case 3:
      mprotect(area, kPages * kPageBytes, PROT_NONE);
      break;
    case 4:  // the same place, the same look, other memory
      mmap(area, kPages * kPageBytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      break;
    case 5:
      *newer = static_cast<char*>(mremap(area, kPages * kPageBytes, kPages * kPageBytes,
                                         MREMAP_MAYMOVE | MREMAP_FIXED, map(kPages)));
      point.back(1);
    case 6:
      mprotect(constant, 2 * kPageBytes, PROT_READ | PROT_WRITE);
      constant[0] = 1;
      mprotect(constant, 2 * kPageBytes, PROT_READ);
      break;
    case 7:
      mprotect(area + kPageBytes, kPageBytes, PROT_READ);
      area[5 * kPageBytes] = 99;
      break;
    case 8: {
      int fd = open("/proc/self/exe", O_RDONLY);
      mmap(area, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
      close(fd);
      break;
    }
    default:
      return;
  }
  *newer = map(3);
  (*newer)[0] = 1;
  point.back(1);
}

TEST(Savepoint, TheProgramBreakGoesBack) {
  Verdict verdict;
  Outside<int> returns;
  auto* before = static_cast<char*>(sbrk(0));
  Point point;
  point.take();
  BELAY_EXPECT(verdict, sbrk(0) == before, 0);
  if (++*returns <= 3) {
    auto* more = static_cast<char*>(sbrk(1 << 20));
    memset(more, 1, 1 << 20);
    point.back(1);
  }
}

TEST(Savepoint, FilesGoBack) {
  Verdict verdict;
  Outside<int> returns;
  char name[] = "/tmp/belay-savepoint-XXXXXX";
  int fd = mkstemp(name);
  ASSERT_EQ(write(fd, "0123456789", 10), 10);
  lseek(fd, 3, SEEK_SET);
  Point point;
  point.take();
  BELAY_EXPECT(verdict, lseek(fd, 0, SEEK_CUR) == 3, lseek(fd, 0, SEEK_CUR));
  BELAY_EXPECT(verdict, fcntl(200, F_GETFD) == -1, *returns);
  char byte;
  switch ((*returns)++) {
    case 0:
      BELAY_EXPECT(verdict, read(fd, &byte, 1) == 1 && byte == '3', byte);
      point.back(1);
    case 1:
      dup2(fd, 200);
      point.back(1);
    case 2:
      close(fd);
      point.back(1);
    case 3:
      close(fd);
      fd = open("/dev/null", O_RDONLY);
      point.back(1);
  }
  BELAY_EXPECT(verdict, read(fd, &byte, 1) == 1 && byte == '3', byte);
  close(fd);
  unlink(name);
}

void expect_refused(int result, int code, const char* words) {
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, code);
  EXPECT_NE(strstr(belay_crerror(), words), nullptr) << belay_crerror();
}

TEST(SavepointRefuses, WhatIsReleased) {
  Point point;
  ASSERT_EQ(point.take(), 0);
  belay_savepoint_t child;
  ASSERT_EQ(belay_savepoint(&child), 0);
  EXPECT_EQ(belay_savepoint_parent(child), point.id());
  ASSERT_EQ(belay_release_savepoint(child), 0);
  g_number = 3;
  expect_refused(belay_rollback_to(child, 1), EINVAL, "released");
  expect_refused(belay_release_savepoint(child), EINVAL, "released");
  expect_refused(belay_rollback_to(0, 1), EINVAL, "released");
  expect_refused(belay_rollback_to(~belay_savepoint_t{0}, 1), EINVAL, "released");
  EXPECT_EQ(g_number, 3);
  g_number = 1;
}

TEST(SavepointRefuses, AClosedPipe) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  Point point;
  ASSERT_EQ(point.take(), 0);
  close(pipes[1]);
  expect_refused(belay_rollback_to(point.id(), 1), ENOTSUP, "a pipe");
  close(pipes[0]);
}

// A connection that is replaced between a savepoint and the rollback to it, for instance.
TEST(Savepoint, AnExemptDescriptorStays) {
  int fd = open("/dev/null", O_RDWR);
  ASSERT_EQ(belay_exempt_file(fd), 0) << belay_crerror();
  Point point;
  if (point.take() == 0) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    dup2(pipes[1], fd);
    close(pipes[0]);
    close(pipes[1]);
    point.back(1);
  }
  struct stat found {};
  ASSERT_EQ(fstat(fd, &found), 0);
  EXPECT_TRUE(S_ISFIFO(found.st_mode));
  expect_refused(belay_exempt_file(-1), EBADF, "not open");
}

TEST(SavepointRefuses, ALibraryLoadedSince) {
  Point point;
  ASSERT_EQ(point.take(), 0);
  void* library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr);
  expect_refused(belay_rollback_to(point.id(), 1), EBUSY, "dlopen");
  dlclose(library);
  expect_refused(belay_rollback_to(point.id(), 1), EBUSY, "dlopen");
  // From here on it works as before.
  Outside<int> returns;
  Point later;
  later.take();
  if (++*returns < 3) later.back(1);
}

belay_savepoint_t g_point;
int g_result, g_code;

TEST(SavepointRefuses, ASignalHandler) {
  Point point;
  ASSERT_EQ(point.take(), 0);
  g_point = point.id();
  for (int on_stack : {0, SA_ONSTACK}) {
    char memory[65536];
    stack_t alternate{.ss_sp = memory, .ss_flags = 0, .ss_size = sizeof memory}, before;
    sigaltstack(&alternate, &before);
    struct sigaction action {
    }, old;
    action.sa_handler = [](int) {
      g_result = belay_rollback_to(g_point, 1);
      g_code = errno;
      belay_savepoint_t none;
      EXPECT_EQ(belay_savepoint(&none), -1);
    };
    action.sa_flags = on_stack;
    sigaction(SIGUSR1, &action, &old);
    g_result = 0;
    raise(SIGUSR1);
    EXPECT_EQ(g_result, -1);
    EXPECT_EQ(g_code, EDEADLK);
    sigaction(SIGUSR1, &old, nullptr);
    sigaltstack(&before, nullptr);
  }
}

// What a handler that has returned left on the stack is no handler.
[[gnu::noinline]] int take_over_remains(belay_savepoint_t* out) {
  volatile char filler[16384];
  filler[0] = 1;
  int result = belay_savepoint(out);
  return filler[0] == 1 ? result : -2;
}

TEST(Savepoint, AHandlerThatHasReturnedIsNoObstacle) {
  struct sigaction action {
  }, old;
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &old);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old, nullptr);
  belay_savepoint_t here;
  EXPECT_EQ(take_over_remains(&here), 0) << belay_crerror();
  belay_release_savepoint(here);
}

TEST(SavepointRefuses, MoreMemoryThanAllowed) {
  struct belay_savepoint_statistics before;
  belay_savepoint_statistics(&before);
  std::vector<char> large(8 << 20, 1);
  Point point;
  ASSERT_EQ(point.take(), 0);
  struct belay_savepoint_statistics now;
  belay_savepoint_statistics(&now);
  belay_savepoint_attr attr{.bytes_max = now.bytes + (1 << 20)};
  ASSERT_EQ(belay_savepoint_configure(&attr), 0);
  memset(large.data(), 2, large.size());
  belay_savepoint_t second;
  expect_refused(belay_savepoint(&second), ENOMEM, "BELAY_SAVEPOINT_MAX");
  EXPECT_EQ(second, 0u);
  attr.bytes_max = SIZE_MAX;
  belay_savepoint_configure(&attr);
  // What the failed one had found is not forgotten.
  Verdict verdict;
  Outside<int> returns;
  BELAY_EXPECT(verdict, large[0] == 2 && large.back() == 2, large[0]);
  ASSERT_EQ(belay_savepoint(&second) >= 0, true);
  BELAY_EXPECT(verdict, large[4 << 20] == 2, large[4 << 20]);
  if (++*returns < 3) {
    memset(large.data(), 3, large.size());
    belay_rollback_to(second, 1);
  }
}

TEST(Savepoint, ExemptMemoryStays) {
  Verdict verdict;
  Outside<int> returns;
  auto* learnt = static_cast<int*>(belay_exempt_malloc(4096));
  *learnt = 0;
  static int beside, count, other;
  beside = other = 1;
  ASSERT_EQ(belay_exempt(&count, sizeof count), 0);
  Point point;
  point.take();
  BELAY_EXPECT(verdict, *learnt == *returns && count == *returns, *learnt);
  BELAY_EXPECT(verdict, beside == 1 && other == 1, beside);
  if (++*returns <= 100) {
    auto* more = static_cast<char*>(belay_exempt_malloc(size_t(*returns) * 100));
    memset(more, 1, size_t(*returns) * 100);
    if (*returns % 2 == 0) belay_exempt_free(more);
    beside = other = 5;
    count++;
    ++*learnt;
    point.back(1);
  }
  EXPECT_EQ(belay_unexempt(&count), 0);
  expect_refused(belay_unexempt(&count), EINVAL, "exempt");
  belay_exempt_free(learnt);
}

TEST(Savepoint, AForkHasNoneAndMayTakeItsOwn) {
  Point point;
  ASSERT_EQ(point.take(), 0);
  pid_t child = fork();
  if (child == 0) {
    if (belay_rollback_to(point.id(), 1) != -1) _exit(1);
    belay_savepoint_t own;
    static int times = 0;
    int came = belay_savepoint(&own);
    if (came < 0) _exit(2);
    if (times != 0) _exit(3);
    if (came == 5) _exit(0);
    times = 1;
    belay_rollback_to(own, 5);
    _exit(4);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace belay
