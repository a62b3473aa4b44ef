// Goal: a model that is read back is the model that was written, in all that it does from there;
// what is damaged or foreign is refused; and a failed save leaves the old file whole.
#include "learn/model_file.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/checksum.h"
#include "learn/model_format.h"

namespace belay {
namespace {

class ModelFileTest : public testing::Test {
 protected:
  ModelFileTest() {
    char folder[] = "/tmp/belay-model-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = model_path(folder_, "tried");
  }
  ~ModelFileTest() override { std::filesystem::remove_all(folder_); }

  static ModelSpec spec(belay_au_algorithm algorithm) {
    ModelSpec result{.name = "tried", .algorithm = algorithm};
    result.hidden.push_back({.width = 8});
    result.outputs.push_back({.name = "key", .count = 3, .is_choice = true});
    result.options.deep_q.learn_after = 50;
    result.options.deep_q.memory = 200;
    return result;
  }
  static Learned make(const ModelSpec& spec, uint32_t inputs = 2) {
    Volume shape{.channels = inputs};
    return Learned(spec, Network::make(shape, spec.hidden, spec.network_outputs()).value(),
                   eigen_backend());
  }
  // Plays something; all of its chance is the model's own.
  static void train(Learned& learned, Episode& episode, int decisions) {
    for (int i = 0; i < decisions; i++) {
      float state[2] = {static_cast<float>(i % 7), static_cast<float>(i % 3)};
      learned.deep_q->observe(episode, state, static_cast<float>(i % 5), i % 20 == 19,
                              learned.random);
      if (i % 20 != 19) learned.deep_q->explore(episode, state, learned.random);
    }
  }
  static std::vector<float> parameters(Learned& learned) {
    auto values = learned.deep_q->learner().parameters();
    return {values.begin(), values.end()};
  }
  Status save(Learned& learned, Os& os = real_os()) {
    return save_model(os, path_, spec(AU_QLEARN), {.channels = 2}, learned);
  }
  Status load(Learned& learned) {
    BELAY_ASSIGN(ModelFile file, ModelFile::read(real_os(), path_));
    return load_model(file, path_, learned);
  }

  std::string folder_, path_;
};

TEST_F(ModelFileTest, TrainingGoesOnExactly) {
  Learned whole = make(spec(AU_QLEARN)), first = make(spec(AU_QLEARN));
  Episode episode;
  train(whole, episode, 400);
  Episode other;
  train(first, other, 400);
  ASSERT_TRUE(save(first));
  Learned second = make(spec(AU_QLEARN));
  ASSERT_TRUE(load(second));
  train(whole, episode, 400);
  train(second, other, 400);
  EXPECT_EQ(parameters(whole), parameters(second));
  EXPECT_EQ(whole.random.state(), second.random.state());
}

// Goal: the last loss comes back too; a file from before it was written is read all the same.
TEST_F(ModelFileTest, TheLossComesBackUnlessTheFileIsOlder) {
  Learned learned = make(spec(AU_QLEARN));
  Episode episode;
  train(learned, episode, 400);
  ASSERT_NE(learned.deep_q->last_loss(), 0);
  ASSERT_TRUE(save(learned));
  Learned same = make(spec(AU_QLEARN));
  ASSERT_TRUE(load(same));
  EXPECT_EQ(same.deep_q->last_loss(), learned.deep_q->last_loss());

  std::vector<std::byte> bytes = encode_model(spec(AU_QLEARN), {.channels = 2}, learned);
  const std::string_view name("loss\0", 5);
  auto found = std::search(bytes.begin(), bytes.end(), name.begin(), name.end(),
                           [](std::byte a, char b) { return char(a) == b; });
  ASSERT_NE(found, bytes.end());
  *found = std::byte('x');
  auto* header = reinterpret_cast<ModelFileHeader*>(bytes.data());
  header->checksum = checksum(std::span<const std::byte>(bytes).subspan(sizeof *header));
  Learned older = make(spec(AU_QLEARN));
  Status loaded = load_model(ModelFile::from_bytes(bytes, "older").value(), "older", older);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(older.deep_q->last_loss(), 0);
  EXPECT_EQ(parameters(older), parameters(learned));
}

TEST_F(ModelFileTest, EveryFlippedByteAndEveryCutIsNoticed) {
  Learned learned = make(spec(AU_QLEARN));
  ASSERT_TRUE(save(learned));
  std::ifstream in(path_, std::ios::binary);
  std::string good((std::istreambuf_iterator<char>(in)), {});
  auto expect_refused = [&](const std::string& bytes, size_t at) {
    std::ofstream(path_, std::ios::binary) << bytes;
    auto file = ModelFile::read(real_os(), path_);
    ASSERT_FALSE(file) << at;
    ASSERT_EQ(file.error().code, EBADMSG) << at;
  };
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    expect_refused(bad, at);
  }
  for (size_t length = 0; length < good.size(); length += 61)
    expect_refused(good.substr(0, length), length);
}

TEST_F(ModelFileTest, ModelsOfAnotherShapeAreRefused) {
  Learned learned = make(spec(AU_QLEARN));
  ASSERT_TRUE(save(learned));
  Learned wider = make(spec(AU_QLEARN), 3);
  EXPECT_EQ(load(wider).error().code, EBADMSG);
  ModelSpec more = spec(AU_QLEARN);
  more.outputs[0].name = "button";
  Learned renamed = make(more);
  EXPECT_EQ(load(renamed).error().code, EBADMSG);
  Learned supervised = make(spec(AU_ADAM));
  EXPECT_EQ(load(supervised).error().code, EBADMSG);
}

// A kernel of which one call fails, the `countdown`-th.
class FailingOs final : public Os {
 public:
  explicit FailingOs(int countdown) : countdown_(countdown) {}
  bool failed = false;
  long open(const char* path, int flags, unsigned mode) override {
    return fails() ? -EIO : real_os().open(path, flags, mode);
  }
  long close(int fd) override { return real_os().close(fd); }
  long pread(int fd, void* data, size_t bytes, uint64_t offset) override {
    return fails() ? -EIO : real_os().pread(fd, data, bytes, offset);
  }
  long pwrite(int fd, const void* data, size_t bytes, uint64_t offset) override {
    if (!fails()) return real_os().pwrite(fd, data, bytes, offset);
    return real_os().pwrite(fd, data, bytes / 2, offset);  // as on a disk that is full
  }
  long fdatasync(int fd) override { return fails() ? -EIO : real_os().fdatasync(fd); }
  long fsync(int fd) override { return fails() ? -EIO : real_os().fsync(fd); }
  long fallocate(int, int, uint64_t, uint64_t) override { return -ENOSYS; }
  long ftruncate(int, uint64_t) override { return -ENOSYS; }
  long fstat(int fd, struct stat* out) override { return real_os().fstat(fd, out); }
  long rename(const char* from, const char* to) override {
    return fails() ? -EIO : real_os().rename(from, to);
  }
  long link(const char*, const char*) override { return -ENOSYS; }
  long unlink(const char* path) override { return real_os().unlink(path); }
  long mkdir(const char* path, unsigned mode) override { return real_os().mkdir(path, mode); }

 private:
  bool fails() {
    if (--countdown_ != 0) return false;
    failed = true;
    return true;
  }
  int countdown_;
};

TEST_F(ModelFileTest, AFailedSaveLeavesAWholeFile) {
  Learned old_model = make(spec(AU_QLEARN)), new_model = make(spec(AU_QLEARN));
  Episode episode;
  train(new_model, episode, 100);
  for (int countdown = 1;; countdown++) {
    ASSERT_TRUE(save(old_model));
    FailingOs os(countdown);
    Status saved = save(new_model, os);
    if (!os.failed) break;
    EXPECT_FALSE(saved);
    Learned found = make(spec(AU_QLEARN));
    EXPECT_TRUE(load(found)) << countdown;
    size_t files = 0;
    for ([[maybe_unused]] auto& file : std::filesystem::directory_iterator(folder_)) files++;
    EXPECT_EQ(files, 1u) << countdown;
  }
}

}  // namespace
}  // namespace belay
