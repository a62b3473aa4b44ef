// Goal: the C++ face does what its header says: RAII, exempt containers, errors as exceptions.
#include <gtest/gtest.h>

#include <belay/belay.hpp>
#include <map>
#include <string>
#include <vector>

#include "savepoint/outside.h"

namespace belay {
namespace {

using ExemptInts = std::vector<int, exempt_allocator<int>>;

TEST(SavepointCpp, WhatIsLearntStaysAndTheRestGoesBack) {
  Verdict verdict;
  auto& learnt = make_exempt<ExemptInts>();
  std::map<int, std::string> memory{{1, "one"}};
  savepoint here;
  EXPECT_FALSE(here);
  int came = here.take();
  BELAY_EXPECT(verdict, came == int(learnt.size()), came);
  BELAY_EXPECT(verdict, memory.size() == 1 && memory[1] == "one", long(memory.size()));
  if (learnt.size() < 100) {
    learnt.push_back(came);
    memory[came] = "changed";
    here.rollback(int(learnt.size()));
  }
  for (int i = 0; i < 100; i++) EXPECT_EQ(learnt[size_t(i)], i);
  destroy_exempt(learnt);
}

TEST(SavepointCpp, OwnsAndMoves) {
  belay_savepoint_t id;
  {
    savepoint first;
    ASSERT_EQ(first.take(), 0);
    id = first.id();
    savepoint second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(second.id(), id);
    savepoint third;
    ASSERT_EQ(third.take(), 0);
    EXPECT_EQ(belay_savepoint_parent(third.id()), id);
  }
  EXPECT_EQ(belay_release_savepoint(id), -1);
}

TEST(SavepointCpp, ARefusalIsAnException) {
  savepoint none;
  try {
    none.rollback();
    FAIL();
  } catch (const error& refused) {
    EXPECT_EQ(refused.code().value(), EINVAL);
    EXPECT_NE(std::string(refused.what()).find("released"), std::string::npos);
  }
}

int g_count;

TEST(SavepointCpp, AStaticObjectMayStay) {
  g_count = 0;
  exempt(g_count);
  savepoint here;
  here.take();
  if (++g_count < 10) here.rollback();
  EXPECT_EQ(g_count, 10);
  EXPECT_EQ(belay_unexempt(&g_count), 0);
}

}  // namespace
}  // namespace belay
