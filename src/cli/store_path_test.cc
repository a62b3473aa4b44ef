// Goal: the store is found in the documented order, and no name leads out of it.
#include "cli/store_path.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

class StorePath : public testing::Test {
 protected:
  void SetUp() override {
    setenv("HOME", "/users/me", 1);
    for (const char* variable : {"BELAY_STORE", "BELAY_NAME", "XDG_STATE_HOME"}) unsetenv(variable);
  }
};

TEST_F(StorePath, OptionThenVariableThenStateThenHome) {
  EXPECT_EQ(store_directory(""), "/users/me/.local/state/belay");
  setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(store_directory(""), "/state/belay");
  setenv("BELAY_STORE", "/disk/store", 1);
  EXPECT_EQ(store_directory(""), "/disk/store");
  EXPECT_EQ(store_directory("/given/"), "/given");
}

TEST_F(StorePath, IsAbsolute) { EXPECT_TRUE(store_directory("here").starts_with("/")); }

TEST_F(StorePath, NameIsTheProgramsUnlessGiven) {
  EXPECT_EQ(instance_name("", "./bin/app"), "app");
  setenv("BELAY_NAME", "other", 1);
  EXPECT_EQ(instance_name("", "./bin/app"), "other");
  EXPECT_EQ(instance_name("mine", "./bin/app"), "mine");
}

TEST_F(StorePath, NamesStayInsideTheStore) {
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("/"), std::string(256, 'x')}) {
    EXPECT_THROW(check_name(name), Failure) << name;
  }
  EXPECT_NO_THROW(check_name("..."));
}

}  // namespace
}  // namespace belay::cli
