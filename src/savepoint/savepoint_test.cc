// Goal: after a rollback memory is what it was.
#include "belay/savepoint.h"

#include <gtest/gtest.h>

#include <vector>

namespace belay {
namespace {

int g_number = 1;

TEST(Savepoint, GoesBack) {
  std::vector<int> heap(100000, 7);
  int local = 5;
  belay_savepoint_t here;
  int came = belay_savepoint(&here);
  ASSERT_GE(came, 0) << belay_crerror();
  EXPECT_EQ(g_number, 1);
  EXPECT_EQ(local, 5);
  EXPECT_EQ(heap[5000], 7);
  EXPECT_EQ(heap.size(), 100000u);
  if (came < 1000) {
    g_number = 2;
    local = 6;
    heap[5000] = 8;
    heap.resize(200000);
    belay_rollback_to(here, came + 1);
    FAIL() << belay_crerror();
  }
  EXPECT_EQ(came, 1000);
}

}  // namespace
}  // namespace belay
