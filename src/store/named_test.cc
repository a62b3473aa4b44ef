// Goal: a checkpoint with a name stays what it was, whatever is taken, dropped or reclaimed later,
// and the disk holds no more than the named ones need.
#include "store/named.h"

#include "store/fault_os.h"
#include "store/store_fixture.h"

namespace belay {
namespace {

struct NamedTest : testing::Test {
  TemporaryDirectory directory;
  TestWriter writer{real_os(), directory.path()};
  StorePosition position;

  // Pages [first, first + count) with contents that `value` determines.
  void take(bool full, uint64_t first, uint64_t count, uint64_t value) {
    ASSERT_TRUE(writer->begin(position, full, {}));
    for (uint64_t i = first; i < first + count; i++) {
      Page page = page_of(value + i);
      ASSERT_TRUE(writer->append({i * kPageBytes}, page.data(), 1));
    }
    auto taken = writer->commit({}, 1);
    ASSERT_TRUE(taken);
    position = *taken;
  }
  void name(const char* as) {
    ASSERT_TRUE(name_checkpoint(real_os(), directory.path().c_str(), position, as));
  }
  Model pages(const std::string& name) const {
    auto named = find_named(directory.path(), name);
    auto info = named ? read_named(real_os(), *named) : tl::make_unexpected(named.error());
    auto loaded = info ? load_checkpoint(real_os(), *info) : tl::make_unexpected(info.error());
    EXPECT_TRUE(loaded) << name << ": " << loaded.error().text();
    if (!loaded) return {};
    auto found = pages_of(real_os(), *loaded);
    close(loaded->fd);
    EXPECT_TRUE(found) << name << ": " << found.error().text();
    return found ? *found : Model();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    auto all = list_named(directory.path());
    for (const NamedCheckpoint& named : *all) found.push_back(named.name);
    return found;
  }
  uint64_t bytes() const { return *disk_bytes(directory.path()); }
  void drop(const std::string& name) {
    ASSERT_TRUE(drop_named(real_os(), directory.path(), name));
    auto reclaimed = reclaim_named(real_os(), directory.path());
    ASSERT_TRUE(reclaimed) << reclaimed.error().text();
  }
};

TEST_F(NamedTest, StaysWhenBothGenerationsHaveBeenReplaced) {
  take(true, 0, 10, 100);
  name("first");
  take(false, 3, 1, 200);
  name("second.one-2");
  Model first = pages("first"), second = pages("second.one-2");
  ASSERT_EQ(first.size(), 10u);
  EXPECT_NE(first, second);
  take(false, 0, 10, 300);  // to the same file
  for (int i = 0; i < 4; i++) take(true, 0, 5, 400);
  EXPECT_EQ(pages("first"), first);
  EXPECT_EQ(pages("second.one-2"), second);
  EXPECT_EQ(names(), (std::vector<std::string>{"first", "second.one-2"}));
  EXPECT_EQ(restore_newest(real_os(), directory.path())->pages.size(), 5u);
}

// Only the last of a hundred checkpoints is wanted: the others' pages are given back, and what the
// writer had allocated ahead; without a name nothing is left of the file.
TEST_F(NamedTest, GivesBackWhatNoNameNeeds) {
  constexpr uint64_t kPages = 256, kTimes = 100;
  take(true, 0, kPages, 0);
  name("s0");
  for (uint64_t i = 1; i < kTimes; i++) {
    take(false, 0, kPages, i * kPages);
    name(fmt::format("s{}", i).c_str());
  }
  Model last = pages(fmt::format("s{}", kTimes - 1)), middle = pages("s50");
  for (int i = 0; i < 2; i++) take(true, 0, 1, 1);  // the writer leaves the file
  const uint64_t all = bytes();
  EXPECT_GT(all, kTimes * kPages * kPageBytes);
  for (uint64_t i = 0; i + 1 < kTimes; i++)
    if (i != 50) drop(fmt::format("s{}", i));
  EXPECT_EQ(pages(fmt::format("s{}", kTimes - 1)), last);
  EXPECT_EQ(pages("s50"), middle);
  const uint64_t two = bytes();
  EXPECT_LT(two, all / 20);
  drop(fmt::format("s{}", kTimes - 1));
  EXPECT_EQ(pages("s50"), middle);
  EXPECT_LT(bytes(), two - kPages * kPageBytes / 2);
  drop("s50");
  EXPECT_LT(bytes(), kPages * kPageBytes / 2) << "the generations are left";
}

// The file that the writer adds to is its own: nothing is taken out of it.
TEST_F(NamedTest, LeavesTheWritersFileAlone) {
  take(true, 0, 100, 0);
  name("a");
  take(false, 0, 100, 1000);
  name("b");
  Model expected = pages("b");
  drop("a");
  take(false, 50, 1, 5000);
  EXPECT_EQ(restore_newest(real_os(), directory.path(), 1)->pages.size(), 100u);
  EXPECT_EQ(pages("b"), expected);
}

// Goal: any history of checkpoints, failures, names and drops.
TEST_F(NamedTest, AnyHistory) {
  std::mt19937_64 random(test_seed());
  std::map<std::string, Model> expected;
  ModelStore store(real_os(), directory.path(), random(), 40);
  bool any = false;
  for (int i = 0; i < 120 && !HasFailure(); i++) {
    bool commit = random() % 5 != 0;
    ASSERT_TRUE(store.checkpoint(!any || random() % 10 == 0, commit));
    any |= commit;
    if (!any) continue;
    std::string name = fmt::format("n{}", i);
    if (random() % 2 == 0) {
      auto at = store.position();
      ASSERT_TRUE(name_checkpoint(real_os(), directory.path().c_str(), at, name.c_str()));
      expected[name] = store.committed[at.sequence].pages;
    }
    while (expected.size() > 6) {
      auto victim = std::next(expected.begin(), long(random() % expected.size()));
      drop(victim->first);
      expected.erase(victim);
    }
    for (const auto& [known, model] : expected) ASSERT_TRUE(pages(known) == model) << known;
  }
}

TEST_F(NamedTest, DamageIsFoundAndLeftAlone) {
  take(true, 0, 10, 0);
  name("a");
  take(false, 0, 10, 100);
  name("b");
  for (int i = 0; i < 2; i++) take(true, 0, 1, 1);
  std::string file = find_named(directory.path(), "b")->file;
  int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(pwrite(fd, "damage", 6, kPageBytes), 6);
  ASSERT_EQ(pwrite(fd, "damage", 6, 0), 6);
  close(fd);
  auto info = read_named(real_os(), *find_named(directory.path(), "b"));
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, EBADMSG);
  uint64_t before = bytes();
  ASSERT_TRUE(drop_named(real_os(), directory.path(), "a"));
  EXPECT_FALSE(reclaim_named(real_os(), directory.path()));
  EXPECT_EQ(bytes(), before);
}

// The files, and which calls have changed them; the one with a number fails.
class NotingOs final : public Os {
 public:
  std::vector<std::string> changes;
  size_t fails_at = SIZE_MAX;
  bool has_failed = false;

  long open(const char* path, int flags, unsigned mode) override {
    return real_os().open(path, flags, mode);
  }
  long close(int fd) override { return real_os().close(fd); }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    return real_os().pread(fd, data, bytes, offset);
  }
  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    return note("pwrite", [&] { return real_os().pwrite(fd, data, bytes, offset); });
  }
  long fdatasync(int fd) override { return real_os().fdatasync(fd); }
  long fsync(int fd) override {
    return note("fsync", [&] { return real_os().fsync(fd); });
  }
  long fallocate(int fd, int mode, uint64_t offset, uint64_t bytes) override {
    return note("punch", [&] { return real_os().fallocate(fd, mode, offset, bytes); });
  }
  long ftruncate(int fd, uint64_t bytes) override {
    return note("cut", [&] { return real_os().ftruncate(fd, bytes); });
  }
  long fstat(int fd, struct stat* out) override { return real_os().fstat(fd, out); }
  long rename(const char* from, const char* to) override { return real_os().rename(from, to); }
  long link(const char* from, const char* to) override { return real_os().link(from, to); }
  long unlink(const char* path) override {
    return note("unlink", [&] { return real_os().unlink(path); });
  }
  long mkdir(const char* path, unsigned mode) override { return real_os().mkdir(path, mode); }

 private:
  long note(const char* what, const std::function<long()>& perform) {
    has_failed |= changes.size() == fails_at;
    if (changes.size() == fails_at) return -EIO;
    changes.push_back(what);
    return perform();
  }
};

// Goal: what is given back is so only when the name that needed it can't come back, and a program
// that dies in the middle of it leaves every named checkpoint whole and the rest for the next time.
TEST_F(NamedTest, ReclaimingMayEndAnywhere) {
  size_t changes = 0;
  for (size_t fails_at = 0; fails_at <= changes; fails_at++) {
    for (uint64_t i = 0; i < 4; i++) {
      take(i == 0, 0, 20 - i, 1000 * fails_at + 100 * i);
      name(fmt::format("{}-{}", fails_at, i).c_str());
    }
    std::string kept = fmt::format("{}-2", fails_at);
    Model expected = pages(kept);
    for (int i = 0; i < 2; i++) take(true, 0, 1, 1);
    NotingOs os;
    for (int i : {0, 1, 3})
      ASSERT_TRUE(drop_named(os, directory.path(), fmt::format("{}-{}", fails_at, i)));
    size_t drops = os.changes.size();
    os.fails_at = drops + fails_at;
    Status done = reclaim_named(os, directory.path());
    EXPECT_EQ(done.has_value(), !os.has_failed) << fails_at;
    EXPECT_EQ(pages(kept), expected) << fails_at;
    os.fails_at = SIZE_MAX;
    size_t before = os.changes.size();
    ASSERT_TRUE(reclaim_named(os, directory.path()));
    EXPECT_EQ(pages(kept), expected) << fails_at;
    if (fails_at == 0) {
      ASSERT_GT(os.changes.size(), before + 2);
      EXPECT_EQ(os.changes[before], "fsync");
      changes = os.changes.size() - before;
    }
    ASSERT_TRUE(drop_named(os, directory.path(), kept));
  }
}

TEST(Named, AFailureLeavesTheCheckpoint) {
  FaultOs os;
  ModelStore store(os, "/store", 1, 10);
  ASSERT_TRUE(store.checkpoint(true));
  os.fault = [](uint64_t, std::string_view call) { return call == "link" ? -ENOSPC : 0l; };
  Status named = name_checkpoint(os, "/store", store.position(), "a");
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, ENOSPC);
  EXPECT_NE(named.error().text().find("is durable, but not kept as a"), std::string::npos);
  os.fault = nullptr;
  EXPECT_EQ(restore_newest(os, "/store")->sequence, 1u);
}

TEST(Named, NamesAreNoPaths) {
  for (const char* good : {"a", "A-1_2.x", "s19a-2"}) EXPECT_TRUE(is_checkpoint_name(good)) << good;
  for (const char* bad : {"", ".", ".a", "a/b", "a@1", "a b", "\xc3\xa9"})
    EXPECT_FALSE(is_checkpoint_name(bad)) << bad;
  EXPECT_FALSE(is_checkpoint_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace belay
