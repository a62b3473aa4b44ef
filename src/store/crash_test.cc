// Goal: whenever the machine stops, the store holds the last committed checkpoint or the one that
// was being committed, whole. Every prefix of the changes is tried, with every last write torn at
// every sector, and with what was not yet synced lost or out of order.
#include "store/fault_os.h"
#include "store/store_fixture.h"

namespace belay {
namespace {

constexpr size_t kSectorBytes = 512;

// A store's life, with everything that may follow on anything else, and what was promised when.
struct Life {
  explicit Life(uint64_t seed, const std::string& directory) : store(os, directory, seed, 24) {
    using Step = std::pair<bool, bool>;  // full, commit
    for (auto [full, commit] : {Step{true, true},
                                {false, true},
                                {false, false},
                                {false, true},
                                {true, false},
                                {false, true},
                                {true, true},
                                {false, true},
                                {true, true},
                                {true, true},
                                {false, true}}) {
      auto status = store.checkpoint(full, commit);
      EXPECT_TRUE(status) << status.error().message;
      if (commit) promised.emplace_back(os.log.size(), store.position().sequence);
    }
  }

  uint64_t promised_before(size_t count) const {
    uint64_t sequence = 0;
    for (auto [when, number] : promised)
      if (when <= count) sequence = number;
    return sequence;
  }

  FaultOs os;
  ModelStore store;
  std::vector<std::pair<size_t, uint64_t>> promised;
};

struct CrashTest : testing::Test {
  TemporaryDirectory directory;
  uint64_t seed = test_seed();
  Life life{seed, directory.path()};
  size_t states = 0;

  void expect_whole(size_t count, const Survival& survival, const std::string& how) {
    ++states;
    FaultOs os = after_crash(life.os.log, count, survival);
    uint64_t promised = life.promised_before(count);
    std::string where = "after " + std::to_string(count) + " changes, " + how;
    auto found = restore_newest(os, directory.path());
    if (!found) {
      ASSERT_EQ(promised, 0u) << where << ": " << found.error().message;
      return;
    }
    ASSERT_GE(found->sequence, promised) << where;
    ASSERT_LE(found->sequence, promised + 1) << where;
    expect_as_committed(life.store, *found, where);
    ASSERT_EQ(os.open_fds(), 0u) << where;
  }
};

TEST_F(CrashTest, EveryPrefixAndEveryTornWrite) {
  for (size_t count = 0; count <= life.os.log.size() && !HasFatalFailure(); ++count) {
    expect_whole(
        count, [](size_t, auto&) { return kWhole; }, "nothing lost");
    expect_whole(
        count, [](size_t, auto&) { return 0; }, "all that was not synced lost");
    if (count == 0) continue;
    const auto& last = life.os.log[count - 1];
    for (size_t kept = kSectorBytes; kept < last.data.size(); kept += kSectorBytes) {
      auto tear = [&](size_t i, auto&) { return i == count - 1 ? kept : kWhole; };
      expect_whole(count, tear, "the last write torn at " + std::to_string(kept));
    }
    expect_whole(
        count, [&](size_t i, auto&) { return i == count - 1 ? kWhole : 0; },
        "only the last survives");
  }
  EXPECT_GT(states, life.os.log.size() * 3);
}

TEST_F(CrashTest, UnsyncedChangesInAnyOrder) {
  std::mt19937_64 random(seed + 1);
  for (size_t count = 0; count <= life.os.log.size(); ++count) {
    for (int round = 0; round < 40 && !HasFatalFailure(); ++round) {
      auto any = [&](size_t, const FaultOs::Record& record) -> size_t {
        switch (random() % 3) {
          case 0:
            return 0;
          case 1:
            return kWhole;
          default:
            return record.data.empty()
                       ? kWhole
                       : random() % (record.data.size() / kSectorBytes) * kSectorBytes;
        }
      };
      expect_whole(count, any, "random round " + std::to_string(round));
    }
  }
}

// The promise above is about the order of syncs: without them it must be possible to break it.
TEST_F(CrashTest, WouldNoticeAMissingSync) {
  auto log = life.os.log;
  std::erase_if(log, [](const auto& r) { return r.change == FaultOs::Change::kSync; });
  size_t broken = 0;
  for (size_t count = 1; count <= log.size(); ++count) {
    auto only_last = [&](size_t i, const FaultOs::Record& record) {
      bool name = record.change != FaultOs::Change::kWrite;
      return name || i == count - 1 ? kWhole : 0;
    };
    FaultOs os = after_crash(log, count, only_last);
    if (!restore_newest(os, directory.path())) ++broken;
  }
  EXPECT_GT(broken, log.size() / 2);
}

}  // namespace
}  // namespace belay
