// What the server knows and keeps on disk: limits, what a new run of a program inherits, what goes
// with a snapshot, and that nothing damaged or foreign is read.
#include "server/catalog.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "server/test_core.h"

namespace belay {
namespace {

namespace fs = std::filesystem;

class CatalogTest : public testing::Test {
 protected:
  Client& join(std::string_view driver = "savepoint", std::string_view instance = "i1") {
    auto joined = catalog.join("mario", driver, instance);
    EXPECT_TRUE(joined) << joined.error().text();
    return **joined;
  }
  static std::vector<std::string> ids_of(const Client& client) {
    std::vector<std::string> ids;
    for (const Snapshot& snapshot : client.snapshots) ids.push_back(snapshot.id);
    return ids;
  }
  using Ids = std::vector<std::string>;

  Catalog catalog{{.clients_max = 2, .snapshots_max = 3, .curve_points_max = 4}, "t"};
};

TEST_F(CatalogTest, TakesSoManyClientsWithNamesThatAreNoPaths) {
  join();
  EXPECT_EQ(catalog.join("luigi", "savepoint", "../i").error().code, EINVAL);
  EXPECT_EQ(catalog.join("luigi", "savepoint", "").error().code, EINVAL);
  EXPECT_TRUE(catalog.join("luigi", "savepoint", "i"));
  EXPECT_EQ(catalog.join("peach", "savepoint", "i").error().code, EUSERS);
  join();
}

// Goal: savepoints die with their process, what a driver has taken does not; nothing else of a run
// is the next one's.
TEST_F(CatalogTest, ANewRunInheritsWhatOutlivesAProcess) {
  for (const char* driver : {"savepoint", "vm"}) {
    Client& client = join(driver, "i1");
    catalog.add(client, {.id = "a"});
    catalog.add(client, {.id = "b"});
    client.target = "a";
    client.pending = "c";
    client.dropped = {"d"};
    client.connected = false;
    join(driver, "i1");
    EXPECT_EQ(client.target + client.pending + client.dropped.at(0) + client.current, "acdb");
    client.connected = false;
    join(driver, "i2");
    EXPECT_EQ(client.pending + client.current, "") << driver;
    EXPECT_TRUE(client.dropped.empty()) << driver;
    bool stays = *driver == 'v';
    EXPECT_EQ(client.target, stays ? "a" : "") << driver;
    EXPECT_EQ(ids_of(client), stays ? (Ids{"a", "b"}) : Ids()) << driver;
    client.connected = false;
  }
}

TEST_F(CatalogTest, RoomIsMadeOfTheOldestThatIsNotPinned) {
  Client& client = join();
  for (const char* id : {"a", "b", "c", "d"}) catalog.add(client, {.id = id});
  client.find("a")->pinned = client.find("b")->pinned = client.find("c")->pinned = true;
  EXPECT_FALSE(catalog.make_room(client)) << "the new one is not the oldest";
  EXPECT_TRUE(catalog.new_snapshot(client)) << "which could go, when there is another";
  client.find("d")->pinned = true;
  EXPECT_EQ(catalog.new_snapshot(client).error().code, EDQUOT);
  EXPECT_FALSE(catalog.make_room(client)) << "pinned meanwhile";
  client.find("b")->pinned = false;
  EXPECT_TRUE(catalog.make_room(client));
  EXPECT_EQ(ids_of(client), (Ids{"a", "c", "d"}));
  EXPECT_EQ(client.dropped, Ids{"b"});
  client.disk_is_full = true;
  client.find("a")->pinned = client.find("c")->pinned = false;
  EXPECT_TRUE(catalog.make_room(client));
  EXPECT_EQ(ids_of(client), (Ids{"c", "d"})) << "one at a time: how much went is not known yet";
}

TEST_F(CatalogTest, WhatLedToASnapshotThatIsGoneLeadsElsewhere) {
  Client& client = join();
  for (const char* id : {"a", "b", "c"}) catalog.add(client, {.id = id});
  ASSERT_TRUE(catalog.select("mario", "c"));
  uint64_t change = client.change;
  ASSERT_TRUE(catalog.remove("mario", "c"));
  EXPECT_GT(client.change, change) << "or it is forgotten by the client before it is on disk";
  EXPECT_EQ(client.current, "b");
  EXPECT_EQ(client.target, "");
  ASSERT_TRUE(catalog.select("mario", "a"));
  catalog.add(client, {.id = "d"});
  EXPECT_EQ(client.goal()->id, "d") << "a new one is where to go back to";
  client.current = "never-confirmed";
  catalog.add(client, {.id = "e"});
  EXPECT_EQ(client.find("e")->parent, "");
  EXPECT_EQ(client.checkpoints, 5u);
}

TEST_F(CatalogTest, SaysWhatIsNotThere) {
  Client& client = join();
  catalog.add(client, {.id = "a"});
  for (const char* name : {"mario", "nobody"}) {
    EXPECT_EQ(catalog.pin(name, "x", true).error().code, ENOENT);
    EXPECT_EQ(catalog.remove(name, "x").error().code, ENOENT);
    EXPECT_EQ(catalog.select(name, "x").error().code, ENOENT);
  }
  EXPECT_EQ(client.target, "");
}

TEST_F(CatalogTest, DriverAndCatalogueForgetWhatTheOtherDoesNotKnow) {
  Client& client = join("vm");
  for (const char* id : {"a", "b", "c"}) catalog.add(client, {.id = id});
  catalog.keep_only(client, {"x", "a", "c"}, 1);
  EXPECT_EQ(ids_of(client), (Ids{"a", "c"}));
  EXPECT_EQ(client.dropped, Ids{"x"});
}

// Goal: a server whose memory is new, or was lost, does not have a client's snapshots removed.
TEST_F(CatalogTest, WhatADriverHasIsTakenOverWhereNothingIsKnown) {
  Client& client = join("process");
  EXPECT_TRUE(catalog.keep_only(client, {"a", "b"}, 7));
  EXPECT_EQ(ids_of(client), (Ids{"a", "b"}));
  EXPECT_TRUE(client.dropped.empty());
  EXPECT_FALSE(client.is_saved());
  EXPECT_EQ(client.goal()->id, "b");
  EXPECT_EQ(client.find("b")->parent, "") << "nobody knows";
  EXPECT_EQ(client.find("a")->taken_unix_ms, 7u);
  EXPECT_FALSE(catalog.keep_only(client, {"a", "b"}, 8));
  for (const char* id : {"a", "b"}) ASSERT_TRUE(catalog.remove("mario", id));
  catalog.keep_only(client, {"a", "b"}, 9);
  EXPECT_EQ(client.dropped, (Ids{"a", "b"})) << "it does know that they have been deleted";
}

// Goal: what lies on a disk is not lost to a program that has the same name and can't reach it.
TEST_F(CatalogTest, ANameWithSnapshotsOnDiskIsNotGivenToAStranger) {
  Client& client = join("process");
  auto knock = [&](const char* driver, const char* store, const char* newest) {
    client.connected = false;
    auto joined = catalog.join("mario", driver, "i2", store, newest);
    EXPECT_TRUE(joined || joined.error().code == EEXIST);
    return joined.has_value();
  };
  EXPECT_TRUE(knock("process", "here", "")) << "without any there is nothing to lose";
  catalog.add(client, {.id = "a"});
  catalog.add(client, {.id = "b"});
  for (const char* other : {"savepoint", "vm", "criu", "none"}) EXPECT_FALSE(knock(other, "", ""));
  EXPECT_FALSE(knock("process", "there", ""));
  EXPECT_FALSE(knock("process", "there", "c"));
  EXPECT_EQ(ids_of(client), (Ids{"a", "b"}));
  EXPECT_EQ(client.driver + client.store, "processhere");
  EXPECT_TRUE(knock("process", "here", "")) << "it may have lost them";
  EXPECT_TRUE(knock("process", "there", "b")) << "the store has been moved";
  EXPECT_EQ(client.store, "there");
}

TEST_F(CatalogTest, WaysBackBeginWithTheGoalAndThenTheNewest) {
  Client& client = join("vm");
  for (const char* id : {"a", "b", "c"}) catalog.add(client, {.id = id});
  EXPECT_EQ(catalog.owner_of({"c", "x"}), &client);
  EXPECT_EQ(catalog.owner_of({"x"}), nullptr);
  EXPECT_EQ(Catalog::ways_back(client, {"a", "b", "c", "x"}), (Ids{"c", "b", "a"}));
  client.target = "b";
  EXPECT_EQ(Catalog::ways_back(client, {"a", "b", "c"}), (Ids{"b", "c", "a"}));
  EXPECT_EQ(Catalog::ways_back(client, {"a", "c"}), (Ids{"c", "a"}));
}

TEST_F(CatalogTest, ACurveIsThinnedOutAndKeepsWhatWasSaid) {
  Client& client = join();
  catalog.note_metrics(client, "decision_ns=7\nrestore_ns=8\n", 1);
  catalog.note_metrics(client, "score=1\n", 2);
  catalog.note_metrics(client, "restore_ns=9\n", 3);
  catalog.note_metrics(client, "", 4);
  EXPECT_EQ(client.curve.size(), 2u) << "of what has no point, none";
  EXPECT_EQ(client.decision_ns, 7);
  EXPECT_EQ(client.restore_ns, 9);
  for (int i = 0; i < 100; i++) catalog.note_metrics(client, "score=2\n", 5);
  EXPECT_LE(client.curve.size(), 4u);
}

class StateFolderTest : public testing::Test {
 protected:
  ~StateFolderTest() override { fs::remove_all(path); }
  std::string file(const std::string& name) const {
    return path + "/clients/" + name + "/client.json";
  }
  // What a server that starts now knows.
  std::vector<std::string> load() {
    Catalog catalog{{}, "t"};
    EXPECT_TRUE(folder.load(catalog));
    std::vector<std::string> names;
    for (const auto& [name, client] : catalog.clients()) names.push_back(name);
    return names;
  }
  void save(const std::string& name) {
    Client client;
    client.name = name;
    client.checkpoints = 12;
    ASSERT_TRUE(folder.make_client(name));
    ASSERT_TRUE(folder.save(name, StateFolder::serialise(client)));
  }
  using Names = std::vector<std::string>;

  std::string path = make_test_folder();
  StateFolder folder = StateFolder::open(real_os(), path).value();
};

TEST_F(StateFolderTest, OneServerAndNobodyElse) {
  EXPECT_EQ(StateFolder::open(real_os(), path).error().code, EBUSY);
  struct stat info;
  save("mario");
  ASSERT_EQ(stat(file("mario").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  if (geteuid() != 0) GTEST_SKIP() << "not root: no file of another user's";
  const std::string other = path + "/other";
  ASSERT_EQ(mkdir(other.c_str(), 0700), 0);
  ASSERT_EQ(chown(other.c_str(), 1, 1), 0);
  EXPECT_EQ(StateFolder::open(real_os(), other).error().code, EPERM);
}

TEST_F(StateFolderTest, WhatIsDamagedOrOfAnotherNameIsSetAside) {
  for (const char* name : {"good", "flipped", "moved", "cut"}) save(name);
  EXPECT_EQ(load(), (Names{"cut", "flipped", "good", "moved"}));
  std::string text;
  std::getline(std::ifstream(file("flipped")), text, '\0');
  text.at(text.find("12")) = '2';
  std::ofstream(file("flipped")) << text;
  fs::resize_file(file("cut"), 40);
  fs::copy_file(file("good"), file("moved"), fs::copy_options::overwrite_existing);
  ASSERT_EQ(mkdir((path + "/clients/.hidden").c_str(), 0700), 0);
  fs::copy_file(file("good"), file(".hidden"));
  EXPECT_EQ(load(), Names{"good"});
  EXPECT_TRUE(fs::exists(file("flipped") + ".damaged"));
}

TEST_F(StateFolderTest, WhatCannotBeReadIsLeftThereAndNoServerBegins) {
  save("mario");
  fs::remove(file("mario"));
  ASSERT_EQ(mkdir(file("mario").c_str(), 0700), 0);
  Catalog catalog{{}, "t"};
  EXPECT_EQ(folder.load(catalog).error().code, EISDIR);
  EXPECT_TRUE(fs::exists(file("mario")));
}

// Goal: a server that is killed tells again what it has told and nobody has heard.
TEST_F(StateFolderTest, KnowsWhereSnapshotsAreAndWhichAreToGo) {
  Client client;
  client.name = "mario";
  client.store = "host:/store";
  client.dropped = {"a"};
  client.told = {"b"};
  ASSERT_TRUE(folder.make_client("mario"));
  ASSERT_TRUE(folder.save("mario", StateFolder::serialise(client)));
  Catalog catalog{{}, "t"};
  ASSERT_TRUE(folder.load(catalog));
  const Client& loaded = *catalog.find("mario");
  EXPECT_EQ(loaded.store, "host:/store");
  EXPECT_EQ(loaded.dropped, (Names{"a", "b"}));
}

TEST_F(StateFolderTest, LeavesNothingOfAFileThatWasNotFinished) {
  save("mario");
  std::ofstream(folder.files_of("mario") + "/.new-7") << "half";
  EXPECT_EQ(folder.count_files("mario"), 0u);
  load();
  EXPECT_TRUE(fs::is_empty(folder.files_of("mario")));
}

TEST_F(StateFolderTest, GoesOnlyIfItIsEmpty) {
  save("mario");
  folder.remove_if_empty();
  EXPECT_EQ(load(), Names{"mario"});
  fs::remove_all(path + "/clients/mario");
  folder.remove_if_empty();
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace belay
