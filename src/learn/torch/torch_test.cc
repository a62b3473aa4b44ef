// Goal: libtorch and Eigen compute the same from the same parameters, and autograd agrees with
// both; and a TorchScript decides as any model does: within bounds, by default where it fails, and
// the same after a rollback, to whichever moment.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "belay/savepoint.h"
#include "learn/decisions.h"
#include "learn/loss.h"

namespace belay {
namespace {

uint64_t seed() {
  const char* given = getenv("BELAY_SEED");
  return given ? strtoull(given, nullptr, 10) : 1;
}

const TorchComponent& component() {
  auto loaded = torch_component();
  if (!loaded) ADD_FAILURE() << loaded.error().text();
  return **loaded;
}

Network random_network(Random& random) {
  auto from = [&](uint32_t least, uint32_t most) {
    return least + static_cast<uint32_t>(random.below(most - least + 1));
  };
  Volume input{.channels = from(1, 40)};
  std::vector<LayerRequest> hidden;
  if (random.below(2) == 1) {
    input = {from(7, 24), from(7, 24), from(1, 4)};
    for (uint32_t side = std::min(input.height, input.width); side >= 3 && hidden.size() < 3;) {
      LayerRequest layer{LayerKind::kConvolution, from(1, 9), from(1, 3), from(1, 2)};
      side = (side - layer.kernel) / layer.stride + 1;
      hidden.push_back(layer);
    }
  }
  for (uint32_t i = from(0, 2); i > 0; i--) hidden.push_back({.width = from(1, 70)});
  return Network::make(input, hidden, from(1, 9)).value();
}

// What one backend makes of a problem that is the same for all.
struct Computed {
  Computed(const Network& of, size_t batch, uint64_t problem)
      : network(of),
        parameters(of.parameter_count()),
        gradient(of.parameter_count(), NAN),
        targets(of.outputs() * batch),
        space(of, batch, true) {
    Random random(problem);
    network.initialise(parameters, random);
    for (float& p : parameters) p += static_cast<float>(0.05 * random.normal());
    for (size_t i = 0; i < of.inputs() * batch; i++)
      space.values(0)[i] = static_cast<float>(random.normal());
    for (float& target : targets) target = static_cast<float>(random.normal());
  }
  void by(const Backend& backend) {
    size_t last = network.layers().size();
    backend.forward(network, parameters.data(), space);
    loss_and_deltas(LossKind::kSquared, space.values(last), targets.data(), network.outputs(),
                    space.batch(), space.deltas(last));
    backend.backward(network, parameters.data(), space, gradient.data());
  }
  std::span<float> outputs() {
    return {space.values(network.layers().size()), network.outputs() * space.batch()};
  }
  // Whether rounding may decide which side of a rectifier's corner a value is on.
  bool near_a_corner() {
    for (size_t i = 0; i + 1 < network.layers().size(); i++)
      for (size_t k = 0; k < network.layers()[i].out.size() * space.batch(); k++)
        if (float value = space.values(i + 1)[k]; value > 0 && value < 1e-5f) return true;
    return false;
  }

  Network network;
  ModelVector<float> parameters, gradient, targets;
  Workspace space;
};

// The same by libtorch's modules and its autograd, from tensors of their usual layout.
struct Autograd {
  explicit Autograd(Computed& problem) {
    auto batch = static_cast<int64_t>(problem.space.batch());
    const Volume input = problem.network.layers()[0].in;
    at::Tensor x =
        at::from_blob(problem.space.values(0), {batch, input.height, input.width, input.channels})
            .permute({0, 3, 1, 2});
    at::Tensor parameters =
        at::from_blob(problem.parameters.data(), {static_cast<int64_t>(problem.parameters.size())})
            .clone()
            .set_requires_grad(true);
    for (const Layer& layer : problem.network.layers()) {
      auto part = [&](uint64_t start, size_t count) {
        return parameters.narrow(0, static_cast<int64_t>(start), static_cast<int64_t>(count));
      };
      int64_t wide = layer.out.channels, kernel = layer.kernel;
      at::Tensor weights = part(layer.weights, layer.weight_count()).reshape({-1, wide});
      at::Tensor biases = part(layer.biases, layer.out.channels);
      if (layer.kind == LayerKind::kConvolution) {
        weights = weights.reshape({kernel, kernel, layer.in.channels, wide}).permute({3, 2, 0, 1});
        auto first = [](const at::Tensor& t) { return t.clone(at::MemoryFormat::Contiguous); };
        x = at::conv2d(first(x), first(weights), biases, layer.stride);
      } else {
        if (x.dim() == 4) x = x.permute({0, 2, 3, 1}).flatten(1);
        x = at::linear(x, weights.t(), biases);
      }
      if (layer.rectified) x = at::relu(x);
    }
    outputs = x.detach().contiguous();
    at::Tensor targets = at::from_blob(problem.targets.data(), outputs.sizes());
    at::mse_loss(x, targets).backward();
    gradient = parameters.grad().contiguous();
  }
  static std::span<const float> values(const at::Tensor& of) {
    return {of.data_ptr<float>(), static_cast<size_t>(of.numel())};
  }
  at::Tensor outputs, gradient;
};

// The length of the difference by the length of `b`. Sums of some thousand floats of 24 bits, added
// in another order, differ by some 1e-6.
double distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0, length = 0;
  for (size_t i = 0; i < b.size(); i++) {
    difference += std::pow(double(a[i]) - b[i], 2);
    length += double(b[i]) * b[i];
  }
  return a.size() == b.size() ? std::sqrt(difference / std::max(length, 1e-12)) : INFINITY;
}
constexpr double kTolerance = 2e-5;

TEST(Torch, OutputsAndGradientsAreThoseOfEigen) {
  Random random(seed());
  printf("replay with BELAY_SEED=%lu\n", seed());
  int compared = 0;
  for (int i = 0; i < 120; i++) {
    Network network = random_network(random);
    size_t batch = i % 3 == 0 ? 1 : 1 + random.below(40);
    uint64_t problem = random.below(1u << 30);
    Computed eigen(network, batch, problem), torch(network, batch, problem);
    eigen.by(eigen_backend());
    torch.by(component().backend());
    if (eigen.near_a_corner() || torch.near_a_corner()) continue;
    Autograd autograd(eigen);
    SCOPED_TRACE(testing::Message() << "network " << i << ", " << network.layers().size()
                                    << " layers, batch " << batch);
    ASSERT_LT(distance(torch.outputs(), eigen.outputs()), kTolerance);
    ASSERT_LT(distance(torch.gradient, eigen.gradient), kTolerance);
    ASSERT_LT(distance(Autograd::values(autograd.outputs), eigen.outputs()), kTolerance);
    ASSERT_LT(distance(Autograd::values(autograd.gradient), eigen.gradient), kTolerance);
    compared++;
  }
  EXPECT_GT(compared, 30);
}

class ScriptTest : public testing::Test {
 protected:
  ScriptTest() {
    char folder[] = "/tmp/belay-torch-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~ScriptTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return script_path(folder_, "tuner"); }
  void write_script(const std::string& body) const {
    torch::jit::Module module("Tuner");
    module.register_parameter("weight", torch::tensor({{0.5f, -1.0f, 2.0f}, {1.0f, 1.0f, 1.0f}}),
                              false);
    module.define("def forward(self, x):\n" + body);
    module.save(path());
  }

  // As a program has them: models stay at a rollback, the program's store does not.
  struct Run {
    explicit Run(const std::string& folder, AuMode mode = AuMode::kDeploy,
                 AuBackend backend = AuBackend::kEigen)
        : models(make_in_model_memory<ModelStore>(
              real_os(), AuSettings{mode, ModelString(folder), "", backend})) {
      int32_t layers[] = {4, 0};
      EXPECT_TRUE(decisions.configure("tuner", AU_DNN, AU_ADAM, layers));
      EXPECT_TRUE(models->declare_output(
          "tuner", {.name = "gain", .count = 2, .low = -4, .high = 4, .fallback = 1}));
    }
    // The two gains; {1, 1} where the default stands in.
    std::array<float, 2> decide(std::vector<float> x, Volume shape = {}) {
      if (shape.size() == 1) shape.channels = static_cast<uint32_t>(x.size());
      EXPECT_TRUE(decisions.extract("x", BELAY_AU_F32, shape, x.data()));
      result = decisions.decide("tuner", "x");
      std::array<float, 2> gain{};
      EXPECT_TRUE(decisions.write_back("gain", BELAY_AU_F32, 2, gain.data()));
      return gain;
    }
    ModelPointer<ModelStore> models;
    ProgramState program;
    Decisions decisions{*models, program};
    Status result;
  };
  using Gains = std::array<float, 2>;
  static constexpr Gains kDefault{1, 1};

  std::string folder_;
};

TEST_F(ScriptTest, ItDecidesInTheProgramsUnitsAndWithinBounds) {
  write_script("  return torch.matmul(x, self.weight.t())\n");
  Run run(folder_);
  EXPECT_EQ(run.decide({1, 2, 1}), (Gains{0.5f, 4}));
  EXPECT_EQ(run.decide({100, 0, -200}), (Gains{-4, -4}));
  EXPECT_EQ(run.models->find("tuner")->stats().fallbacks, 0u);
}

TEST_F(ScriptTest, PicturesHaveTheirChannelsFirst) {
  write_script(
      "  sizes = x.size(0) == 1 and x.size(1) == 2 and x.size(2) == 1 and x.size(3) == 3\n"
      "  return torch.stack([x[0, 1, 0, 2], x[0, 0, 0, 1]]) if sizes else x\n");
  Run run(folder_);
  // Two channels of each point, side by side.
  EXPECT_EQ(run.decide({0, 1, 2, 3, -2, -3}, {1, 3, 2}), (Gains{-3, 2}));
}

TEST_F(ScriptTest, WhatItWritesIntoItsInputStaysItsOwn) {
  write_script("  x.mul_(0.0)\n  return x[0, 0:2]\n");
  Run run(folder_);
  EXPECT_EQ(run.decide({3, 4}), (Gains{0, 0}));
  EXPECT_EQ(run.program.features.find("x")->values, (std::vector<float>{3, 4}));
}

TEST_F(ScriptTest, AModelOfOursGoesBeforeAndTrainingNeedsNone) {
  write_script("  return x[0, 0:2]\n");
  std::ofstream(model_path(folder_, "tuner")) << "no model";
  Run deploy(folder_);
  EXPECT_EQ(deploy.decide({2, 2}), kDefault);
  EXPECT_EQ(deploy.result.error().code, EBADMSG);
  std::filesystem::remove(model_path(folder_, "tuner"));
  Run train(folder_, AuMode::kTrain, AuBackend::kTorch);
  EXPECT_EQ(train.models->backend().name(), "torch");
  train.decide({2, 2});
  EXPECT_EQ(train.models->find("tuner")->stats().examples, 1u);
}

TEST_F(ScriptTest, WhatItCanNotDecideIsTheDefault) {
  for (const char* body :
       {"  return x[0, 0:1]\n", "  return x / 0.0 - x / 0.0\n", "  return 'two'\n",
        "  assert x.size(0) == 2, 'no'\n  return x\n", "  return torch.matmul(x, x)\n"}) {
    SCOPED_TRACE(body);
    write_script(body);
    Run run(folder_);
    EXPECT_EQ(run.decide({2, 2}), kDefault);
    EXPECT_FALSE(run.result);
    EXPECT_EQ(run.models->find("tuner")->stats().fallbacks, 1u);
  }
}

TEST_F(ScriptTest, ADamagedFileDecidesNothing) {
  write_script("  return torch.matmul(x, self.weight.t())\n");
  std::ifstream in(path(), std::ios::binary);
  std::string good((std::istreambuf_iterator<char>(in)), {});
  const Gains right = Run(folder_).decide({1, 2, 1});
  int refused = 0, same = 0;
  auto look = [&](const std::string& bytes) {
    std::ofstream(path(), std::ios::binary) << bytes;
    Run run(folder_);
    Gains gains = run.decide({1, 2, 1});
    if (run.result) {
      same++;
      EXPECT_EQ(gains, right);
    } else {
      refused++;
      EXPECT_EQ(gains, kDefault);
    }
  };
  Random random(seed());
  printf("replay with BELAY_SEED=%lu\n", seed());
  for (size_t at = random.below(4); at < good.size(); at += 1 + random.below(4)) {
    std::string bad = good;
    size_t bit = random.below(8);
    bad[at] = static_cast<char>(bad[at] ^ 1 << bit);
    SCOPED_TRACE(testing::Message() << "byte " << at << ", bit " << bit);
    look(bad);
  }
  for (size_t length = 0; length < good.size(); length += 97) look(good.substr(0, length));
  printf("%d refused, %d decided as before\n", refused, same);
  EXPECT_GT(refused, 0);
}

// To before and to after it was read, again and again.
TEST_F(ScriptTest, RollbacksLeaveItAsItWas) {
  write_script("  return torch.matmul(x, self.weight.t())\n");
  Run run(folder_);
  for (bool loaded : {false, true}) {
    if (!loaded) run.program.scripts.clear();  // as if the savepoint were before au_config()
    belay_savepoint_t point = 0;
    int came = belay_savepoint(&point);
    ASSERT_GE(came, 0) << belay_crerror();
    EXPECT_EQ(run.program.scripts.size(), loaded ? 1u : 0u) << came;
    for (int i = 0; i < 5; i++)
      EXPECT_EQ(run.decide({1, 2, float(i % 2)}), (Gains{i % 2 * 2 - 1.5f, 3.0f + i % 2}));
    if (came < 20 && !HasFailure()) {
      belay_rollback_to(point, came + 1);
      FAIL() << belay_crerror();
    }
    belay_release_savepoint(point);
  }
}

// Of a model that learns by libtorch: the program goes back, what was learnt stays.
TEST_F(ScriptTest, TrainingGoesOnThroughRollbacks) {
  Run run(folder_, AuMode::kTrain, AuBackend::kTorch);
  int32_t layers[] = {0x40000000 | 4 << 16 | 3 << 8 | 1, 0};
  ASSERT_TRUE(run.decisions.configure("eye", AU_CNN, AU_ADAM, layers));
  const Output light{.name = "light", .low = 0, .high = 1};
  ASSERT_TRUE(run.models->declare_output("eye", light));
  belay_savepoint_t point = 0;
  int came = belay_savepoint(&point);
  ASSERT_GE(came, 0) << belay_crerror();
  Random random(seed() + static_cast<uint64_t>(came));
  std::vector<float> picture(36);
  float sum = 0;
  for (float& value : picture) sum += value = static_cast<float>(random.uniform());
  ASSERT_TRUE(run.decisions.extract("picture", BELAY_AU_F32, {6, 6, 1}, picture.data()));
  ASSERT_TRUE(run.decisions.decide("eye", "picture"));
  sum /= 36;
  ASSERT_TRUE(run.decisions.write_back("light", BELAY_AU_F32, 1, &sum));
  if (came < 100) {
    belay_rollback_to(point, came + 1);
    FAIL() << belay_crerror();
  }
  belay_release_savepoint(point);
  EXPECT_EQ(run.models->find("eye")->stats().examples, 101u);
  EXPECT_LT(run.models->find("eye")->stats().last_loss, 0.05);

  // Whatever has trained it, it is the same model to both.
  ASSERT_TRUE(run.models->save_all());
  float lights[2] = {-1, -2};
  for (AuBackend backend : {AuBackend::kEigen, AuBackend::kTorch}) {
    Run deploy(folder_, AuMode::kDeploy, backend);
    ASSERT_TRUE(deploy.decisions.configure("eye", AU_CNN, AU_ADAM, layers));
    ASSERT_TRUE(deploy.models->declare_output("eye", light));
    ASSERT_TRUE(deploy.decisions.extract("picture", BELAY_AU_F32, {6, 6, 1}, picture.data()));
    ASSERT_TRUE(deploy.decisions.decide("eye", "picture"));
    ASSERT_TRUE(deploy.decisions.write_back("light", BELAY_AU_F32, 1,
                                            &lights[backend == AuBackend::kTorch]));
  }
  EXPECT_NEAR(lights[0], lights[1], 1e-5);
}

}  // namespace
}  // namespace belay
