// Goal: a virtual machine boots, by the accelerator that works here, and its snapshots bring back
// what the program in it knew, over a connection that stays; what goes wrong with QEMU is said, and
// what can go on does. One machine for all tests, since booting is what takes time.
#include "server/vm.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "server/guest.h"
#include "server/vm_driver.h"

namespace belay {
namespace {

using namespace std::chrono_literals;

constexpr int kExitSkip = 77;

// A folder that ends with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    if (mkdtemp(path_) == nullptr) abort();
  }
  ~TemporaryFolder() {
    for (const char* file : {"kernel", "initrd"}) unlink((std::string(path_) + "/" + file).c_str());
    umount((std::string(path_) + "/vm").c_str());
    rmdir((std::string(path_) + "/vm").c_str());
    rmdir(path_);
  }
  std::string operator/(const char* name) const { return std::string(path_) + "/" + name; }

 private:
  char path_[32] = "/tmp/belay-vm-XXXXXX";
};

TemporaryFolder& folder() {
  static TemporaryFolder instance;
  return instance;
}

VmOptions options() {
  return {.folder = folder() / "vm", .kernel = folder() / "kernel", .initrd = folder() / "initrd"};
}

// A disk for the machine's folder that a test may fill, where the user may mount one.
bool mount_own_disk() {
  const std::string path = options().folder;
  return unshare(CLONE_NEWNS) == 0 && mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mkdir(path.c_str(), 0700) == 0 &&
         mount("belay", path.c_str(), "tmpfs", 0, "size=1g,mode=700") == 0;
}
bool has_own_disk = false;

// The machine with the guest program, and the fake server's end of its port.
struct Machine {
  std::unique_ptr<Vm> vm;
  Fd port;

  static Machine& get() {
    static Machine machine;
    return machine;
  }

  void boot() {
    auto started = Vm::start(options());
    ASSERT_TRUE(started) << started.error().text();
    vm = std::move(*started);
    port = connect_unix(options().folder + "/port").value();
    say("hello");
    ASSERT_EQ(hear(), "hello") << vm->last_words();
  }

  void say(const std::string& line) {
    EXPECT_EQ(write(port.get(), (line + "\n").c_str(), line.size() + 1), ssize_t(line.size() + 1));
  }
  // "": the connection has ended, or nothing has come for a minute.
  std::string hear() {
    std::string line;
    pollfd waits = {port.get(), POLLIN, 0};
    for (char c; poll(&waits, 1, 60'000) == 1 && read(port.get(), &c, 1) == 1 && c != '\n';)
      line += c;
    return line;
  }
  // The program's state, and it waits for an answer to its CKP.
  void set(int value) {
    say("set");
    say(std::to_string(value));
    EXPECT_EQ(hear(), "CKP");
  }
  // As a server's YES or NO.
  std::string answer(const std::string& text) {
    say(text);
    return hear();
  }
};

std::unique_ptr<VmDriver> attach() { return std::move(VmDriver::attach(options().folder).value()); }

class VmTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!machine_.vm) machine_.boot();
    if (!machine_.vm) GTEST_FAIL() << "no machine";
  }
  // Stands, with a driver, and somebody at the other end of its port. Null: it does not.
  std::unique_ptr<VmDriver> start_again() {
    auto again = Vm::start_again(std::move(machine_.vm));
    EXPECT_TRUE(again) << again.error().text();
    if (!again) return nullptr;
    machine_.vm = std::move(*again);
    auto driver = attach();
    EXPECT_TRUE(driver->is_standing());
    machine_.port = connect_unix(options().folder + "/port").value();
    return driver;
  }
  Machine& machine_ = Machine::get();
};

TEST_F(VmTest, SaysWhatItRunsOn) {
  const Vm& vm = *machine_.vm;
  if (vm.accelerator() == "kvm") {
    EXPECT_EQ(vm.no_kvm(), "");
  } else {
    EXPECT_EQ(vm.accelerator(), "tcg");
    EXPECT_NE(vm.no_kvm(), "");
  }
  printf("accelerator: %s %s\n", std::string(vm.accelerator()).c_str(), vm.no_kvm().c_str());
}

TEST_F(VmTest, RestoresMemoryAndFilesOverTheSameConnection) {
  auto driver = attach();
  EXPECT_EQ(driver->name(), "vm");
  machine_.set(17);
  ASSERT_TRUE(driver->take("seventeen"));
  EXPECT_EQ(machine_.answer("YES"), "YES 17 17");
  machine_.set(18);
  ASSERT_TRUE(driver->take("eighteen"));
  EXPECT_EQ(machine_.answer("YES"), "YES 18 18");
  machine_.set(19);
  EXPECT_EQ(machine_.answer("NO"), "NO 19 19");
  // Back and forth, each more than once; the client waits for the answer to its CKP again.
  for (const char* id : {"seventeen", "eighteen", "eighteen", "seventeen"}) {
    machine_.set(20);
    auto restored = driver->restore(id);
    ASSERT_TRUE(restored) << restored.error().text();
    EXPECT_EQ(machine_.answer("restored"),
              std::string("restored ") + (id[0] == 's' ? "17 17" : "18 18"));
  }
  EXPECT_TRUE(driver->remove("seventeen"));
  EXPECT_TRUE(driver->remove("eighteen"));
}

TEST_F(VmTest, ANewDriverFindsTheSnapshotsOfTheOneBefore) {
  machine_.set(3);
  ASSERT_TRUE(attach()->take("three"));
  EXPECT_EQ(machine_.answer("YES"), "YES 3 3");
  auto driver = attach();
  machine_.set(4);
  ASSERT_TRUE(driver->restore("three"));
  EXPECT_EQ(machine_.answer("restored"), "restored 3 3");
  EXPECT_EQ(driver->take("three").error().code, EEXIST);
  EXPECT_TRUE(driver->remove("three"));
  EXPECT_EQ(driver->remove("three").error().code, ENOENT);
  EXPECT_EQ(driver->restore("three").error().code, ENOENT);
}

TEST_F(VmTest, AMachineGoesOnIfQemuRefusesToLoad) {
  auto driver = attach();
  machine_.set(5);
  ASSERT_TRUE(driver->take("five"));
  EXPECT_EQ(machine_.answer("YES"), "YES 5 5");
  machine_.set(6);
  // Behind the driver's back.
  ASSERT_TRUE(machine_.vm->qmp().run_job("snapshot-delete",
                                         {{"tag", "five"}, {"devices", {kVmSnapshotsNode}}}, 10s));
  auto restored = driver->restore("five");
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().text().find("does not exist"), std::string_view::npos)
      << restored.error().text();
  EXPECT_EQ(machine_.answer("NO"), "NO 6 6");
}

// Overwrites the place where the file has `what` first.
void damage(const std::string& what, const std::string& by) {
  std::fstream file(options().folder + "/" + kVmSnapshots,
                    std::ios::in | std::ios::out | std::ios::binary);
  std::stringstream whole;
  whole << file.rdbuf();
  const size_t place = whole.str().find(what);
  ASSERT_NE(place, std::string::npos);
  file.seekp(long(place)) << by << std::flush;
}

// A snapshot that is damaged stops the machine; one that is not brings it back.
TEST_F(VmTest, ADamagedSnapshotIsAnErrorAndAnotherOneRestores) {
  auto driver = attach();
  machine_.set(7);
  ASSERT_TRUE(driver->take("seven"));
  EXPECT_EQ(machine_.answer("YES"), "YES 7 7");
  const std::string magic = "QEVM";  // what QEMU's stream of a machine's state begins with
  machine_.set(8);
  damage(magic, "evil");
  auto restored = driver->restore("seven");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, EIO) << restored.error().text();
  printf("%s\n", restored.error().message);
  damage("evil", magic);
  restored = driver->restore("seven");
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(machine_.answer("restored"), "restored 7 7");
  EXPECT_TRUE(driver->remove("seven"));
}

TEST_F(VmTest, OnAFullDiskNoSnapshotIsTakenAndTheMachineGoesOn) {
  if (!has_own_disk) GTEST_SKIP() << "no right to mount a file system";
  auto driver = attach();
  const std::string filler = options().folder + "/filler";
  Fd file(open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  struct statvfs disk;
  ASSERT_EQ(statvfs(filler.c_str(), &disk), 0);
  ASSERT_EQ(posix_fallocate(file.get(), 0, off_t(disk.f_bavail * disk.f_frsize)), 0);
  machine_.set(10);
  // The file has room that removed snapshots have left; that is used up first.
  std::vector<std::string> ids;
  Status taken;
  for (int i = 0; taken && i < 20; i++) {
    ids.push_back("ten-" + std::to_string(i));
    taken = driver->take(ids.back());
  }
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().text().find("writing VM state"), std::string_view::npos)
      << taken.error().text();
  EXPECT_EQ(machine_.answer("NO"), "NO 10 10");
  EXPECT_EQ(driver->restore(ids.back()).error().code, ENOENT);
  ids.pop_back();
  for (const std::string& id : ids) EXPECT_TRUE(driver->remove(id));
  ASSERT_EQ(unlink(filler.c_str()), 0);
  file.reset();
  machine_.set(11);
  taken = driver->take("eleven");
  ASSERT_TRUE(taken) << taken.error().text();
  EXPECT_EQ(machine_.answer("YES"), "YES 11 11");
  EXPECT_TRUE(driver->restore("eleven"));
  EXPECT_EQ(machine_.answer("restored"), "restored 11 11");
  EXPECT_TRUE(driver->remove("eleven"));
}

TEST_F(VmTest, AFolderHasOneMachineAndOneUser) {
  auto second = Vm::start(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY) << second.error().text();
  VmOptions open_to_all = options();
  open_to_all.folder = folder() / "open";
  ASSERT_EQ(mkdir(open_to_all.folder.c_str(), 0700), 0);
  ASSERT_EQ(chmod(open_to_all.folder.c_str(), 0755), 0);
  second = Vm::start(open_to_all);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EPERM) << second.error().text();
  rmdir(open_to_all.folder.c_str());
}

// Last, since they end the machine.
TEST_F(VmTest, YAMachineWhoseQemuIsKilledIsStartedAgainAndGoesBack) {
  auto driver = attach();
  machine_.set(9);
  ASSERT_TRUE(driver->take("nine"));
  EXPECT_EQ(machine_.answer("YES"), "YES 9 9");
  machine_.set(10);
  ASSERT_TRUE(driver->take("ten"));
  EXPECT_EQ(machine_.answer("YES"), "YES 10 10");
  machine_.set(11);
  kill(machine_.vm->pid(), SIGKILL);
  auto restored = driver->restore("nine");
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, ECONNRESET) << restored.error().text();
  EXPECT_EQ(machine_.hear(), "");
  auto status = machine_.vm->wait(60s);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(*status, -1);

  driver = start_again();
  ASSERT_TRUE(driver);
  EXPECT_EQ(driver->list(), (std::vector<std::string>{"nine", "ten"}));
  // One that can't be loaded leaves it standing, for another.
  EXPECT_EQ(driver->restore("eight").error().code, ENOENT);
  EXPECT_TRUE(driver->is_standing());
  restored = driver->restore("ten");
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_FALSE(driver->is_standing());
  EXPECT_EQ(machine_.answer("restored"), "restored 10 10");
  machine_.set(12);
  ASSERT_TRUE(driver->take("twelve"));
  EXPECT_EQ(machine_.answer("YES"), "YES 12 12");
  for (const char* id : {"nine", "ten"}) EXPECT_TRUE(driver->restore(id)) << id;
  driver.reset();
  EXPECT_FALSE(attach()->is_standing());
}

TEST_F(VmTest, YBAMachineWhoseKernelPanicsIsStartedAgainAndGoesBack) {
  auto driver = attach();
  for (const std::string& id : driver->list()) ASSERT_TRUE(driver->remove(id));
  EXPECT_EQ(machine_.answer("restored"), "restored 10 10");  // by the test before
  machine_.set(13);
  ASSERT_TRUE(driver->take("thirteen"));
  EXPECT_EQ(machine_.answer("YES"), "YES 13 13");
  machine_.say("panic");
  EXPECT_EQ(machine_.hear(), "");
  auto status = machine_.vm->wait(60s);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(*status, -1) << "it is not the program that has ended";
  EXPECT_NE(machine_.vm->last_words().find("Kernel panic"), std::string::npos);
  driver = start_again();
  ASSERT_TRUE(driver);
  auto restored = driver->restore("thirteen");
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(machine_.answer("restored"), "restored 13 13");
}

// Where nothing can be loaded it begins anew, and is a machine like any other.
TEST_F(VmTest, YCAMachineWithoutAWholeSnapshotBootsAnew) {
  kill(machine_.vm->pid(), SIGKILL);
  ASSERT_TRUE(machine_.vm->wait(60s));
  auto driver = start_again();
  ASSERT_TRUE(driver);
  damage("QEVM", "evil");
  for (int i = 0; i < 2; i++) {
    auto restored = driver->restore("thirteen");
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().code, EIO) << restored.error().text();
    EXPECT_TRUE(driver->is_standing());
  }
  auto begun = driver->start_anew();
  ASSERT_TRUE(begun) << begun.error().text();
  EXPECT_FALSE(driver->is_standing());
  machine_.say("hello");
  EXPECT_EQ(machine_.hear(), "hello") << machine_.vm->last_words();
  machine_.set(14);
  ASSERT_TRUE(driver->take("fourteen"));
  EXPECT_EQ(machine_.answer("YES"), "YES 14 14");
  ASSERT_TRUE(driver->restore("fourteen"));
  EXPECT_EQ(machine_.answer("restored"), "restored 14 14");
}

TEST_F(VmTest, ZAMachineWhoseSnapshotsAreDamagedIsNotStartedAgain) {
  kill(machine_.vm->pid(), SIGKILL);
  ASSERT_TRUE(machine_.vm->wait(60s));
  damage("QFI\xfb", "evil");
  auto again = Vm::start_again(std::move(machine_.vm));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, EREMOTEIO);
  EXPECT_NE(again.error().text().find(kVmSnapshots), std::string_view::npos);
  printf("%s\n", again.error().message);
  EXPECT_EQ(VmDriver::attach(options().folder).error().code, ENOENT);
}

// Needs no machine that boots.
TEST(VmStart, SaysWhyItFails) {
  VmOptions missing = options();
  missing.kernel = folder() / "no-kernel";
  EXPECT_EQ(Vm::start(missing).error().code, ENOENT);

  VmOptions no_qemu = options();
  no_qemu.folder = folder() / "second";
  no_qemu.accelerator = Accelerator::kTcg;
  no_qemu.qemu = "no-such-qemu";
  auto started = Vm::start(no_qemu);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ENOPKG) << started.error().text();

  VmOptions no_guest = options();
  no_guest.folder = folder() / "second";
  no_guest.accelerator = Accelerator::kTcg;
  no_guest.kernel = folder() / "initrd";
  started = Vm::start(no_guest);
  ASSERT_FALSE(started);
  printf("%s\n", started.error().message);
  rmdir((folder() / "second").c_str());
}

}  // namespace
}  // namespace belay

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 4) {
    fprintf(stderr, "usage: vm_test BUILD_GUEST CACHE PROGRAM\n");
    return 64;
  }
  auto ready = belay::find_qemu(belay::VmOptions().qemu);
  if (ready) {
    ready = belay::build_guest({.builder = argv[1],
                                .output = belay::folder() / "",
                                .cache = argv[2],
                                .program = {argv[3]}});
  }
  belay::has_own_disk = belay::mount_own_disk();
  if (ready) return RUN_ALL_TESTS();
  printf("%s\n", ready.error().message);
  return ready.error().code == ENOPKG ? belay::kExitSkip : 1;
}
