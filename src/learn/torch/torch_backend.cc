// libbelay_learn_torch: the one file that includes libtorch. Nothing that it throws leaves here,
// and no tensor of a network outlives a call: they are views of the memory that it is called with.

#include <ATen/Parallel.h>
#include <errno.h>
#include <torch/script.h>

#include <limits>

#include "base/log.h"
#include "base/text.h"
#include "learn/torch/verify_archive.h"
#include "learn/torch_component.h"

namespace belay {
namespace {

using at::Tensor;

int64_t signed_of(size_t value) { return static_cast<int64_t>(value); }

Tensor view(const float* data, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<float*>(data), sizes, at::kFloat);
}
Tensor samples(const float* data, size_t batch, size_t width) {
  return view(data, {signed_of(batch), signed_of(width)});
}
// [batch, channels, height, width], as libtorch has it; in memory the channels are last.
Tensor pictures(const float* data, size_t batch, Volume shape) {
  return view(data, {signed_of(batch), shape.height, shape.width, shape.channels})
      .permute({0, 3, 1, 2});
}

// The parameters of a layer, or their gradient.
struct LayerView {
  LayerView(const Layer& layer, const float* parameters)
      : biases(view(parameters + layer.biases, {layer.out.channels})) {
    const float* data = parameters + layer.weights;
    int64_t outputs = layer.out.channels;
    if (layer.kind == LayerKind::kDense) {
      weights = view(data, {signed_of(layer.fan_in()), outputs});
    } else {
      weights = view(data, {layer.kernel, layer.kernel, layer.in.channels, outputs})
                    .permute({3, 2, 0, 1});
    }
  }
  Tensor weights, biases;
};

struct Stride {
  explicit Stride(const Layer& layer) : both{layer.stride, layer.stride} {}
  std::array<int64_t, 2> both, padding{0, 0}, dilation{1, 1};
};

void forward_layer(const Layer& layer, const float* parameters, size_t batch, const float* in,
                   float* out) {
  LayerView with(layer, parameters);
  if (layer.kind == LayerKind::kDense) {
    Tensor result = samples(out, batch, layer.out.size());
    at::addmm_out(result, with.biases, samples(in, batch, layer.in.size()), with.weights);
    if (layer.rectified) result.relu_();
    return;
  }
  Stride stride(layer);
  Tensor result = pictures(out, batch, layer.out);
  Tensor sums =
      at::convolution(pictures(in, batch, layer.in), with.weights, with.biases, stride.both,
                      stride.padding, stride.dilation, false, stride.padding, 1);
  if (layer.rectified) {
    at::clamp_min_out(result, sums, 0);
  } else {
    result.copy_(sums);
  }
}

// `in_deltas` may be null.
void backward_layer(const Layer& layer, const float* parameters, Workspace& space, size_t index,
                    float* in_deltas, float* gradient) {
  size_t batch = space.batch();
  LayerView with(layer, parameters), to(layer, gradient);
  Tensor deltas = samples(space.deltas(index + 1), batch, layer.out.size());
  if (layer.rectified)
    at::threshold_backward_out(deltas, deltas,
                               samples(space.values(index + 1), batch, layer.out.size()), 0);
  if (layer.kind == LayerKind::kDense) {
    Tensor in = samples(space.values(index), batch, layer.in.size());
    at::mm_out(to.weights, in.t(), deltas);
    at::sum_out(to.biases, deltas, 0);
    if (in_deltas != nullptr) {
      Tensor result = samples(in_deltas, batch, layer.in.size());
      at::mm_out(result, deltas, with.weights.t());
    }
    return;
  }
  Stride stride(layer);
  std::array<int64_t, 1> biases{layer.out.channels};
  // Copies with the channels first: 1.13 refuses others ("grad_weight must be contiguous").
  auto first = [](const Tensor& last) { return last.clone(at::MemoryFormat::Contiguous); };
  auto [in, weights, sums] = at::convolution_backward(
      first(pictures(space.deltas(index + 1), batch, layer.out)),
      first(pictures(space.values(index), batch, layer.in)), first(with.weights), biases,
      stride.both, stride.padding, stride.dilation, false, stride.padding, 1,
      {in_deltas != nullptr, true, true});
  to.weights.copy_(weights);
  to.biases.copy_(sums);
  if (in_deltas != nullptr) pictures(in_deltas, batch, layer.in).copy_(in);
}

// The line that says what is wrong: the first, or the last behind the stack of a script that runs.
std::string_view sentence_of(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  while (text.starts_with('\n')) text.remove_prefix(1);
  if (text.find("\nTraceback") != text.npos) return text.substr(text.rfind('\n') + 1);
  return text.substr(0, text.find('\n'));
}
Error as_error(const std::exception& error) {
  auto* torch = dynamic_cast<const c10::Error*>(&error);
  return fail(EBADMSG, "libtorch: {}",
              sentence_of(torch ? torch->what_without_backtrace() : error.what()))
      .value();
}

class TorchBackend final : public Backend {
 public:
  std::string_view name() const override { return "torch"; }

  // Where it can't compute, for want of memory, there are no numbers: no decision, no step.
  void forward(const Network& network, const float* parameters, Workspace& space) const override {
    auto layers = network.layers();
    try {
      c10::InferenceMode no_graph;
      for (size_t i = 0; i < layers.size(); i++)
        forward_layer(layers[i], parameters, space.batch(), space.values(i), space.values(i + 1));
    } catch (const std::exception& error) {
      give_up(error, space.values(layers.size()), network.outputs() * space.batch());
    }
  }
  void backward(const Network& network, const float* parameters, Workspace& space,
                float* gradient) const override {
    auto layers = network.layers();
    try {
      c10::InferenceMode no_graph;
      for (size_t i = layers.size(); i-- > 0;)
        backward_layer(layers[i], parameters, space, i, i > 0 ? space.deltas(i) : nullptr,
                       gradient);
    } catch (const std::exception& error) {
      give_up(error, gradient, network.parameter_count());
    }
  }

 private:
  static void give_up(const std::exception& error, float* values, size_t count) {
    log(LogLevel::kError, "{}", as_error(error).text());
    std::fill_n(values, count, std::numeric_limits<float>::quiet_NaN());
  }
};

class LoadedScript final : public TorchScript {
 public:
  explicit LoadedScript(torch::jit::Module module) : module_(std::move(module)) {}

  Status decide(Volume shape, std::span<const float> inputs, std::span<float> outputs) override {
    try {
      c10::InferenceMode no_graph;
      bool picture = size_t{shape.height} * shape.width > 1;
      Tensor in =
          picture ? pictures(inputs.data(), 1, shape) : samples(inputs.data(), 1, inputs.size());
      // A copy, since scripts may write into what they are given.
      c10::IValue result = module_.forward({in.clone(at::MemoryFormat::Contiguous)});
      if (!result.isTensor()) return fail(EBADMSG, "the script gives no tensor");
      Tensor given = result.toTensor().to(at::kFloat).contiguous();
      if (static_cast<size_t>(given.numel()) != outputs.size())
        return fail(EBADMSG, "the script gives {} values, and {} are declared", given.numel(),
                    outputs.size());
      std::copy_n(given.data_ptr<float>(), outputs.size(), outputs.data());
      return {};
    } catch (const std::exception& error) {
      return tl::make_unexpected(as_error(error));
    }
  }

 private:
  torch::jit::Module module_;
};

class Component final : public TorchComponent {
 public:
  const Backend& backend() const override { return backend_; }
  Result<std::unique_ptr<TorchScript>> load_script(const std::string& path) const override {
    try {
      BELAY_TRY(verify_archive(path));
      torch::jit::Module module = torch::jit::load(path, at::kCPU);
      module.eval();
      return std::make_unique<LoadedScript>(std::move(module));
    } catch (const std::exception& error) {
      return tl::make_unexpected(as_error(error));
    }
  }

 private:
  TorchBackend backend_;
};

}  // namespace
}  // namespace belay

// One thread: two are 20 times slower for small batches, and would be threads of the program.
extern "C" __attribute__((visibility("default"))) const belay::TorchComponent*
belay_learn_torch_backend(uint64_t interface) {
  if (interface != belay::kTorchInterface) return nullptr;
  at::set_num_threads(1);
  static const belay::Component component;
  return &component;
}
