// Goal: what the store holds is listed, described, verified and removed as documented; damage is
// found and named, and nothing that a process uses or that is the last good one is removed.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "command.h"
#include "sample_store.h"

namespace belay {
namespace {

class Store : public CommandTest {
 protected:
  std::string generation(const std::string& name, int number) const {
    return store() + "/" + name + "/generation." + std::to_string(number);
  }
  bool exists(const std::string& path) const { return std::filesystem::exists(path); }
};

TEST_F(Store, EmptyOrMissingIsNoError) {
  EXPECT_EQ(belay({"ls"}).exit_code, 0);
  EXPECT_EQ(json({"ls", "--json"})["instances"].size(), 0u);
  EXPECT_EQ(belay({"verify"}).exit_code, 0);
}

TEST_F(Store, NamesThatAreNotThere) {
  for (const Arguments& command :
       {Arguments{"show", "x"}, Arguments{"verify", "x"}, Arguments{"rm", "x"},
        Arguments{"restore", "x"}, Arguments{"checkpoint", "x"}}) {
    EXPECT_EQ(belay(command).exit_code, 1) << command[0];
  }
}

TEST_F(Store, Lists) {
  write_sample_store(store(), "alpha", 3);
  write_sample_store(store(), "beta", 1);
  Outcome outcome = belay({"ls"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("alpha"), std::string::npos);
  auto instances = json({"ls", "--json"})["instances"];
  ASSERT_EQ(instances.size(), 2u);
  EXPECT_EQ(instances[0]["name"], "alpha");
  EXPECT_EQ(instances[0]["newest"]["sequence"], 3);
  EXPECT_EQ(instances[0]["damaged"], 0);
  EXPECT_EQ(instances[0]["running"], false);
  EXPECT_EQ(instances[1]["checkpoints"], 1);
}

TEST_F(Store, ListsWhoRuns) {
  write_sample_store(store(), "alpha", 1);
  int lock = open((store() + "/alpha/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  std::string pid = std::to_string(getpid()) + "\n";
  ASSERT_EQ(write(lock, pid.data(), pid.size()), ssize_t(pid.size()));
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["pid"], getpid());
  EXPECT_EQ(belay({"rm", "alpha"}).exit_code, 75);
  EXPECT_EQ(belay({"restore", "alpha"}).exit_code, 75);
  EXPECT_TRUE(exists(generation("alpha", 0)));
  close(lock);
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["running"], false)
      << "the file alone is no lock";
}

TEST_F(Store, ShowsWhatACheckpointConsistsOf) {
  write_sample_store(store(), "alpha", 2);
  Outcome outcome = belay({"show", "alpha"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* word : {kSampleProgram, "worker", "libsample.so", "/var/log/sample"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in " << outcome.out;
  }
  auto shown = json({"show", "alpha", "--at", "1", "--json"});
  EXPECT_EQ(shown["shown"], 1);
  EXPECT_EQ(shown["checkpoints"].size(), 2u);
  EXPECT_EQ(shown["program"]["arguments"][1], kSampleArgument);
  EXPECT_EQ(shown["program"]["threads"].size(), 2u);
  EXPECT_EQ(shown["program"]["mappings"][0]["stored_bytes"], 16 * 4096);
  EXPECT_EQ(shown["program"]["files"][0]["offset"], 123);
  EXPECT_EQ(belay({"show", "alpha", "--at", "3"}).exit_code, 1);
}

TEST_F(Store, VerifiesEachPageOnce) {
  write_sample_store(store(), "alpha", 3);
  auto verified = json({"verify", "--json"});
  EXPECT_EQ(verified["good"], true);
  uint64_t read = 0;
  for (const auto& checkpoint : verified["checkpoints"]) read += uint64_t(checkpoint["read_bytes"]);
  EXPECT_EQ(read, 18u * 4096) << "16 pages and two increments of one";
}

// METADATA takes the first 4 KiB, the pages follow.
TEST_F(Store, FindsADamagedPage) {
  write_sample_store(store(), "alpha", 2);
  flip_bit(generation("alpha", 0), 4096 + 5 * 4096 + 77);
  Outcome outcome = belay({"verify", "alpha"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.out.find("DAMAGED"), std::string::npos) << outcome.out;
  auto verified = json({"verify", "alpha", "--json"});
  for (const auto& checkpoint : verified["checkpoints"]) {
    EXPECT_EQ(checkpoint["good"], false) << "both need that page";
  }
}

// The first page was replaced by the increment: the newest checkpoint does without the old one.
TEST_F(Store, ADamagedPageSparesCheckpointsThatDoNotNeedIt) {
  write_sample_store(store(), "alpha", 2);
  flip_bit(generation("alpha", 0), 4096 + 77);
  auto checkpoints = json({"verify", "alpha", "--json"})["checkpoints"];
  EXPECT_EQ(checkpoints[0]["sequence"], 2);
  EXPECT_EQ(checkpoints[0]["good"], true);
  EXPECT_EQ(checkpoints[1]["good"], false);
}

TEST_F(Store, DamagedMetadata) {
  write_sample_store(store(), "alpha", 1);
  flip_bit(generation("alpha", 0), 100);
  Outcome outcome = belay({"show", "alpha"});
  EXPECT_EQ(outcome.exit_code, 65);
  EXPECT_NE(outcome.out.find("DAMAGED"), std::string::npos) << outcome.out;
  EXPECT_EQ(json({"show", "alpha", "--json"})["checkpoints"][0]["whole"], false);
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["damaged"], 1);
  EXPECT_EQ(belay({"verify"}).exit_code, 1);
  EXPECT_EQ(belay({"restore", "alpha"}).exit_code, 65);
  EXPECT_EQ(belay({"inspect", generation("alpha", 0)}).exit_code, 1);
}

TEST_F(Store, Inspects) {
  write_sample_store(store(), "alpha", 2);
  Outcome outcome = belay({"inspect", "--extents", generation("alpha", 0)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* word : {"segment 0", "segment 1", "WRITE_LOCK      1", "0x1000000000"}) {
    EXPECT_NE(outcome.out.find(word), std::string::npos) << word << " in " << outcome.out;
  }
  EXPECT_EQ(belay({"inspect", folder_ + "/nothing"}).exit_code, 1);
}

TEST_F(Store, Removes) {
  write_sample_store(store(), "alpha", 2);
  write_sample_store(store(), "beta", 1);
  EXPECT_EQ(belay({"rm", "alpha", "gamma", "beta"}).exit_code, 1) << "gamma is not there";
  EXPECT_FALSE(exists(store() + "/alpha"));
  EXPECT_FALSE(exists(store() + "/beta")) << "the others go all the same";
  EXPECT_EQ(belay({"rm", "--force", "gamma"}).exit_code, 0);
}

TEST_F(Store, KeepsTheNewest) {
  write_sample_store(store(), "alpha", 2);
  write_full_checkpoint(store(), "alpha");
  ASSERT_TRUE(exists(generation("alpha", 0)) && exists(generation("alpha", 1)));
  EXPECT_EQ(belay({"rm", "--keep-newest", "alpha"}).exit_code, 0);
  EXPECT_FALSE(exists(generation("alpha", 0)));
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["newest"]["sequence"], 3);
}

TEST_F(Store, KeepNewestRemovesNothingWhenAllIsDamaged) {
  write_sample_store(store(), "alpha", 1);
  flip_bit(generation("alpha", 0), 100);
  EXPECT_EQ(belay({"rm", "--keep-newest", "alpha"}).exit_code, 65);
  EXPECT_TRUE(exists(generation("alpha", 0)));
}

TEST_F(Store, AnotherCommandDoesNotGoOnFromIt) {
  write_sample_store(store(), "printf", 1);
  Outcome outcome = Running(run({}, {kSampleProgram, "other"}), folder_).wait();
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_NE(outcome.err.find("/usr/bin/printf sample"), std::string::npos) << outcome.err;
  EXPECT_TRUE(exists(generation("printf", 0)));
}

TEST_F(Store, FreshStartsAnew) {
  write_sample_store(store(), "printf", 1);
  Outcome outcome = Running(run({"--fresh"}, {kSampleProgram, "other"}), folder_).wait();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "other");
}

TEST_F(Store, NoCheckpointOfWhatDoesNotRun) {
  write_sample_store(store(), "alpha", 1);
  Outcome outcome = belay({"checkpoint", "alpha"});
  EXPECT_EQ(outcome.exit_code, 69);
  EXPECT_NE(outcome.err.find("not running"), std::string::npos) << outcome.err;
}

TEST_F(Store, TellsWhyTheLastOneWasRefused) {
  write_sample_store(store(), "alpha", 1);
  std::ofstream(store() + "/alpha/refused") << "descriptor 5 is a socket\n";
  EXPECT_EQ(json({"ls", "--json"})["instances"][0]["refused"], "descriptor 5 is a socket");
  EXPECT_NE(belay({"ls"}).out.find("descriptor 5 is a socket"), std::string::npos);
}

}  // namespace
}  // namespace belay
