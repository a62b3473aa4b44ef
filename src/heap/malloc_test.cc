// Goal: programs that know nothing of Belay run on its heap, preloaded, from their first
// instruction to their last.
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <string>

namespace belay {
namespace {

struct Outcome {
  int status;
  std::string output;
};

Outcome run_preloaded(const std::string& command) {
  std::string line = "LD_PRELOAD=" BELAY_MALLOC " exec " + command + " 2>&1";
  FILE* pipe = popen(line.c_str(), "r");
  Outcome outcome;
  for (int c; (c = fgetc(pipe)) != EOF;) outcome.output += static_cast<char>(c);
  outcome.status = pclose(pipe);
  return outcome;
}

TEST(Malloc, ServesAProgramWithThreads) {
  Outcome outcome = run_preloaded(BELAY_MALLOC_VICTIM);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_EQ(outcome.output.substr(0, 6), "0x2000")
      << "malloc is not in the arena: " << outcome.output;
}

TEST(Malloc, ServesOrdinaryPrograms) {
  for (const char* command :
       {"ls -l /", "sh -c 'for i in 1 2 3; do echo $i | sort; done'", "grep -c . /etc/passwd"}) {
    Outcome outcome = run_preloaded(command);
    EXPECT_EQ(outcome.status, 0) << command << "\n" << outcome.output;
    EXPECT_EQ(outcome.output.find("belay"), std::string::npos) << outcome.output;
  }
}

TEST(Malloc, ServesPython) {
  if (system("python3 -c pass 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3";
  Outcome outcome = run_preloaded(
      "python3 -c 'import json, threading;"
      "t = [threading.Thread(target=lambda: json.loads(json.dumps(list(range(10000))))) "
      "for _ in range(8)];"
      "[x.start() for x in t]; [x.join() for x in t]; print(sum(range(10)))'");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.output, "45\n");
}

TEST(Malloc, ServesACompiler) {
  std::string object = testing::TempDir() + "belay_malloc_test.o";
  std::string source = testing::TempDir() + "belay_malloc_test.cc";
  FILE* file = fopen(source.c_str(), "w");
  fputs("#include <map>\n#include <string>\nstd::map<int, std::string> m;\n", file);
  fclose(file);
  Outcome outcome = run_preloaded(BELAY_CXX " -O1 -c " + source + " -o " + object);
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  remove(source.c_str());
  remove(object.c_str());
}

// The environment counts, however early the first allocation is.
TEST(Malloc, KeepsTheLimit) {
  if (system("python3 -c pass 2>/dev/null") != 0) GTEST_SKIP() << "there is no python3";
  setenv("BELAY_HEAP_MAX", "64M", 1);
  Outcome outcome = run_preloaded("python3 -c 'x = [bytes(1000000) for _ in range(200)]'");
  unsetenv("BELAY_HEAP_MAX");
  EXPECT_NE(outcome.output.find("MemoryError"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace belay
