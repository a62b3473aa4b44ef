// Stochastic gradient descent: a small network learns to tell clothes apart, each mini-batch shared
// out among the threads, checkpointed by the library.
#include <string>

#include "data.h"
#include "mlp.h"
#include "options.h"
#include "team.h"

struct Options : CommonOptions {
  std::string data = "/usr/share/datasets/fashion-mnist";
  size_t pictures = 0;
  int hidden = 64;
  size_t batch = 128;
  float rate = 0.1f;

  Options(int argc, char** argv) {
    rounds = 10;
    CLI::App app{"Stochastic gradient descent that survives kill -9"};
    add_to(app, "passes over the training set");
    app.add_option("--data", data, "folder of Fashion-MNIST")->capture_default_str();
    app.add_option("--pictures", pictures, "train with the first so many; 0: all 60,000");
    app.add_option("--hidden", hidden, "units of the hidden layer")
        ->check(CLI::Range(1, Mlp::kHiddenMax))
        ->capture_default_str();
    app.add_option("--batch", batch, "pictures a step")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    app.add_option("--rate", rate, "learning rate")->capture_default_str();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::exit(app.exit(error));
    }
  }
};

struct Pictures {
  size_t count;
  float* pixels;
  unsigned char* labels;

  Pictures(const std::string& folder, const std::string& set, size_t limit = 0)
      : count(count_pictures(folder, set)) {
    if (limit > 0) count = std::min(count, limit);
    pixels = crarray<float>(count * kPictureBytes);
    labels = crarray<unsigned char>(count);
    load_pictures(folder, set, {pixels, count * kPictureBytes});
    load_labels(folder, set, {labels, count});
  }
  const float* picture(size_t i) const { return pixels + i * kPictureBytes; }
};

class Training {
 public:
  explicit Training(const Options& options)
      : o_(options),
        team_(options.threads),
        mlp_{kPictureBytes, options.hidden},
        train_(o_.data, "train", o_.pictures),
        test_(o_.data, "t10k"),
        // Threads that are more than the pictures of a batch contribute to no step.
        contributors_(std::min(size_t(o_.threads), o_.batch)),
        parameters_(mlp_.parameters()),
        gradients_(contributors_ * mlp_.parameters()),
        order_(train_.count),
        losses_(o_.threads),
        right_(o_.threads) {
    mlp_.initialize(parameters_.data(), o_.seed);
    for (size_t i = 0; i < order_.size(); i++) order_[i] = uint32_t(i);
  }

  Checksum run() {
    team_.run([this](int t) { work(t); });
    return Checksum().add(parameters_.data(), parameters_.size());
  }

 private:
  void work(int t) {
    for (int round = 1; round <= o_.rounds; round++) {
      if (t == 0) shuffle(round);
      losses_[t] = 0;
      team_.wait();
      for (size_t first = 0; first < train_.count; first += o_.batch) {
        size_t count = std::min(o_.batch, train_.count - first);
        if (size_t(t) < contributors_) compute_gradient(t, first, count);
        team_.wait();
        descend(t, count);
        team_.wait();
      }
      if (o_.reports(round)) report(t, round);
    }
  }

  void shuffle(int round) {
    Random random(o_.seed, uint64_t(round));
    for (size_t i = order_.size(); i > 1; i--) std::swap(order_[i - 1], order_[random.below(i)]);
  }

  void compute_gradient(int t, size_t first, size_t count) {
    float* gradient = &gradients_[t * parameters_.size()];
    std::fill_n(gradient, parameters_.size(), 0.f);
    Slice slice = Slice::of(count, size_t(t), contributors_);
    for (size_t i = first + slice.begin; i < first + slice.end; i++) {
      uint32_t picture = order_[i];
      losses_[t] += mlp_.backward(parameters_.data(), train_.picture(picture),
                                  train_.labels[picture], gradient);
    }
  }

  // Moves this thread's part of the parameters: the gradients, always added in the same order.
  void descend(int t, size_t count) {
    Slice slice = Slice::of(parameters_.size(), size_t(t), size_t(o_.threads));
    for (size_t i = slice.begin; i < slice.end; i++) {
      float sum = 0;
      for (size_t c = 0; c < contributors_; c++) sum += gradients_[c * parameters_.size() + i];
      parameters_[i] -= o_.rate / float(count) * sum;
    }
  }

  double accuracy(int t, const Pictures& pictures) {
    Slice slice = Slice::of(pictures.count, size_t(t), size_t(o_.threads));
    right_[t] = 0;
    for (size_t i = slice.begin; i < slice.end; i++) {
      right_[t] += mlp_.classify(parameters_.data(), pictures.picture(i)) == pictures.labels[i];
    }
    team_.wait();
    size_t right = 0;
    for (size_t n : right_) right += n;
    team_.wait();
    return 100 * double(right) / double(pictures.count);
  }

  void report(int t, int round) {
    double loss = 0;
    for (double part : losses_) loss += part;
    double train = accuracy(t, train_), test = accuracy(t, test_);
    if (t != 0) return;
    std::printf("round %d/%d: loss %.4f, right: train %.2f %%, test %.2f %%\n", round, o_.rounds,
                loss / double(train_.count), train, test);
    std::fflush(stdout);
  }

  const Options& o_;
  Team team_;
  Mlp mlp_;
  Pictures train_, test_;
  size_t contributors_;
  crvector<float> parameters_;
  crvector<float> gradients_;  // of each contributor
  crvector<uint32_t> order_;
  crvector<double> losses_;  // of each thread
  crvector<size_t> right_;   // likewise
};

int main(int argc, char** argv) {
  Options options(argc, argv);
  if (crinit(nullptr) != 0 || restore() < 0) die(crerror());
  Training(options).run().print();
}
