// Goal: a command is known again when the kernel or the shell wrote it in another way, and another
// command is not taken for it.
#include "cli/recorded.h"

#include <gtest/gtest.h>

namespace belay::cli {
namespace {

TEST(SameArguments, WhateverThePathOfTheProgram) {
  EXPECT_TRUE(same_arguments({"./app", "-n", "5"}, {"/opt/app", "-n", "5"}));
  EXPECT_TRUE(same_arguments({"app"}, {"./app"}));
}

TEST(SameArguments, OfAScriptWithItsInterpreter) {
  EXPECT_TRUE(same_arguments({"/bin/sh", "-e", "./job.sh", "5"}, {"./job.sh", "5"}));
}

TEST(SameArguments, NotOfAnotherCommand) {
  EXPECT_FALSE(same_arguments({"app", "5"}, {"app", "6"}));
  EXPECT_FALSE(same_arguments({"app"}, {"app", "6"}));
  EXPECT_FALSE(same_arguments({}, {"app"}));
}

// `app 5` was checkpointed; `app` alone is another command, although nothing contradicts it.
TEST(SameArguments, NotWithFewerArguments) { EXPECT_FALSE(same_arguments({"app", "5"}, {"app"})); }

TEST(Quote, AsOneWouldType) {
  EXPECT_EQ(quote({"app", "--size=5", "a b", "", "it's", "$x"}),
            "app --size=5 'a b' '' 'it'\\''s' '$x'");
}

}  // namespace
}  // namespace belay::cli
