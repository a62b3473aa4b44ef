// Goal: a program of C++17 hands numbers, ranges and arrays to the C++ face, each as what it is.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "belay/autonomize.h"

namespace {

static_assert(__cplusplus < 202002L, "compiled as C++17, see CMakeLists.txt");
static_assert(belay::au_type<bool>() == BELAY_AU_BOOL && belay::au_type<char>() == BELAY_AU_I8);
static_assert(belay::au_type<long>() == BELAY_AU_I64 && belay::au_type<double>() == BELAY_AU_F64);

TEST(AutonomizeCpp, TakesWhateverHoldsNumbers) {
  const std::array<int, 2> constant{1, 2};
  std::vector<float> values{1, 2, 3};
  double array[4] = {4, 5, 6, 7};
  unsigned char one = 8;
  EXPECT_EQ(au_extract("constant", constant), 0);
  EXPECT_EQ(au_extract("values", values), 0);
  EXPECT_EQ(au_extract("array", array), 0);
  EXPECT_EQ(au_extract("one", one), 0);
  EXPECT_EQ(au_extract("literal", 2 > 1), 0);
  EXPECT_EQ(au_extract("two of them", 2, array), 0);
  // BELAY_AU is off: the program's own values stay.
  EXPECT_EQ(au_write_back("values", values), 0);
  EXPECT_EQ(au_write_back("array", array), 0);
  EXPECT_EQ(au_write_back("one", one), 0);
  EXPECT_EQ(values, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(array[3], 7);
  EXPECT_EQ(one, 8);
}

// Goal: a null pointer is an error that says so, in each function that is given names.
TEST(AutonomizeCpp, RefusesNullPointers) {
  int value = 0;
  belay_au_stats stats;
  ASSERT_EQ(au_config("nulls", AU_DNN, AU_ADAM, 4), 0);
  EXPECT_EQ(belay_au_config(nullptr, AU_DNN, AU_ADAM, nullptr), -1);
  EXPECT_EQ(au_output(nullptr, "o", 1, 0, 1, 0), -1);
  EXPECT_EQ(au_output("nulls", nullptr, 1, 0, 1, 0), -1);
  EXPECT_EQ(au_choice("nulls", nullptr, 2, 0), -1);
  EXPECT_EQ(au_set(nullptr, "batch", 1), -1);
  EXPECT_EQ(au_set("nulls", nullptr, 1), -1);
  EXPECT_EQ(belay_au_fit(nullptr, 1), -1);
  EXPECT_EQ(belay_au_get_stats(nullptr, &stats), -1);
  EXPECT_EQ(belay_au_get_stats("nulls", nullptr), -1);
  // BELAY_AU is off, so these do nothing.
  EXPECT_EQ(belay_au_extract(nullptr, BELAY_AU_I32, 1, &value), 0);
  EXPECT_EQ(belay_au_nn(nullptr, nullptr), 0);
  EXPECT_EQ(belay_au_write_back(nullptr, BELAY_AU_I32, 1, nullptr), 0);
}

}  // namespace
