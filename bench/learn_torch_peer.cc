// The network that learn_bench measures, 32-64-64-4, by libtorch itself: with one thread, and each
// way that it offers, of which the best counts.
//
// usage: learn_torch_peer train|decide ROUNDS
//   train    prints a line: samples/s, batch 256
//   decide   prints a line: p50 and p99 of a decision, us
#include <ATen/Parallel.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>
#include <torch/script.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>

#include "row.h"

namespace {

using belay::bench::quantile;
using torch::Tensor;

double now_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}

torch::nn::Sequential network() {
  using torch::nn::Linear;
  using torch::nn::ReLU;
  return torch::nn::Sequential(Linear(32, 64), ReLU(), Linear(64, 64), ReLU(), Linear(64, 4));
}

void measure_training(int rounds) {
  torch::nn::Sequential model = network();
  torch::optim::Adam optimiser(model->parameters(), 1e-3);
  Tensor inputs = torch::randn({2000, 32}), targets = torch::rand({2000, 4}) * 2 - 1;
  std::vector<double> rates;
  for (int round = 0; round < rounds; round++) {
    constexpr int kBatches = 300;
    double start = now_us();
    for (int i = 0; i < kBatches; i++) {
      Tensor drawn = torch::randint(2000, {256}, torch::kLong);
      optimiser.zero_grad();
      torch::mse_loss(model->forward(inputs.index_select(0, drawn)), targets.index_select(0, drawn))
          .backward();
      optimiser.step();
    }
    rates.push_back(kBatches * 256 / (now_us() - start) * 1e6);
  }
  printf("%.3f\n", quantile(rates, 0.5));
}

using Decide = std::function<Tensor(const Tensor&)>;

// The same network as a script, frozen and optimised for inference.
torch::jit::Module script_of(torch::nn::Sequential& model) {
  torch::jit::Module script("Network");
  const char* names[] = {"w1", "b1", "w2", "b2", "w3", "b3"};
  auto parameters = model->parameters();
  for (size_t i = 0; i < std::size(names); i++)
    script.register_parameter(names[i], parameters[i].detach(), false);
  script.define(
      "def forward(self, x):\n"
      "  x = torch.relu(torch.addmm(self.b1, x, self.w1.t()))\n"
      "  x = torch.relu(torch.addmm(self.b2, x, self.w2.t()))\n"
      "  return torch.addmm(self.b3, x, self.w3.t())\n");
  script.eval();
  return torch::jit::optimize_for_inference(script);
}

void measure_decisions(int rounds) {
  c10::InferenceMode no_graph;
  torch::nn::Sequential model = network();
  torch::jit::Module script = script_of(model);
  auto p = model->parameters();
  Tensor t1 = p[0].t().contiguous(), t2 = p[2].t().contiguous(), t3 = p[4].t().contiguous();
  const Decide ways[] = {[&](const Tensor& x) { return model->forward(x); },
                         [&](const Tensor& x) { return script.forward({x}).toTensor(); },
                         [&](const Tensor& x) {
                           Tensor y = at::addmm(p[1], x, t1).relu_();
                           return at::addmm(p[5], at::addmm(p[3], y, t2).relu_(), t3);
                         }};
  double best = 1e9, best_tail = 1e9;
  for (const Decide& decide : ways) {
    std::vector<double> medians, tails, samples(5000);
    for (int round = 0; round < rounds; round++) {
      std::array<float, 32> values{};
      std::array<float, 4> moves{};
      for (size_t i = 0; i < samples.size(); i++) {
        double start = now_us();
        values[i % 32] = float(i % 7);
        Tensor result = decide(torch::from_blob(values.data(), {1, 32}));
        memcpy(moves.data(), result.data_ptr<float>(), sizeof moves);
        samples[i] = now_us() - start;
      }
      medians.push_back(quantile(samples, 0.5));
      tails.push_back(quantile(samples, 0.99));
    }
    best = std::min(best, quantile(medians, 0.5));
    best_tail = std::min(best_tail, quantile(tails, 0.5));
  }
  printf("%.3f %.3f\n", best, best_tail);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  at::set_num_threads(1);
  at::manual_seed(1);
  int rounds = atoi(argv[2]);
  if (strcmp(argv[1], "train") == 0) {
    measure_training(rounds);
  } else {
    measure_decisions(rounds);
  }
  return 0;
}
