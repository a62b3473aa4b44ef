// K-means (Lloyd, 1982), for any number of threads: what kmeans.cc and kmeans_plain.cc share.
// Knows nothing of Belay; the caller brings memory, threads and a barrier.
#pragma once

#include <algorithm>
#include <string>

#include "data.h"
#include "options.h"

struct KMeansOptions : CommonOptions {
  std::string data = "/usr/share/datasets/fashion-mnist";
  size_t points = 0;
  int dims = 64;
  int clusters = 10;

  // Ends the program after --help and after mistakes.
  KMeansOptions(int argc, char** argv, const char* what) {
    CLI::App app{what};
    add_to(app, "passes over all points");
    app.add_option("--data", data, "folder of Fashion-MNIST")->capture_default_str();
    app.add_option("--points", points, "that many synthetic points instead; 4 bytes a dimension");
    app.add_option("--dims", dims, "dimensions of a synthetic point")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    app.add_option("--clusters", clusters)->check(CLI::Range(1, 10000))->capture_default_str();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      std::exit(app.exit(error));
    }
  }
};

class KMeans {
 public:
  // allocate(bytes) returns zeroed memory that outlives this.
  template <class Allocate>
  KMeans(const KMeansOptions& options, Allocate allocate) : o_(options), k_(options.clusters) {
    bool synthetic = o_.points > 0;
    n_ = synthetic ? o_.points : count_pictures(o_.data, "train");
    dims_ = synthetic ? o_.dims : kPictureBytes;
    if (n_ < k_) die("more clusters than points");
    auto array = [&]<class T>(T*& to, size_t count) {
      to = static_cast<T*>(allocate(count * sizeof(T)));
    };
    array(points_, n_ * dims_);
    array(centroids_, k_ * dims_);
    array(labels_, n_);
    array(sums_, o_.threads * k_ * dims_);
    array(counts_, o_.threads * k_);
    array(costs_, o_.threads);
    if (!synthetic) load_pictures(o_.data, "train", {points_, n_ * dims_});
  }

  // What thread `t` does; wait() returns when all threads have called it.
  template <class Wait>
  void run(int t, Wait wait) {
    if (o_.points) make_points(t);
    wait();
    if (t == 0) choose_centroids();
    wait();
    for (int round = 1; round <= o_.rounds; round++) {
      assign(t);
      wait();
      update(t);
      if (t == 0 && o_.reports(round)) report(round);
      wait();
    }
  }

  Checksum result() const { return Checksum().add(centroids_, k_ * dims_).add(labels_, n_); }

 private:
  Slice mine(size_t n, int t) const { return Slice::of(n, size_t(t), size_t(o_.threads)); }

  // Clouds around as many centres as there are clusters. A point depends on its number alone.
  void make_points(int t) {
    Slice slice = mine(n_, t);
    for (size_t i = slice.begin; i < slice.end; i++) {
      Random centre(o_.seed, i % k_), noise(o_.seed, k_ + i);
      for (size_t d = 0; d < dims_; d++) {
        points_[i * dims_ + d] = float(centre.unit() + noise.unit() / 2);
      }
    }
  }

  void choose_centroids() {
    Random random(o_.seed);
    // One from each of k equal ranges, so that no two are the same point.
    for (size_t c = 0; c < k_; c++) {
      Slice range = Slice::of(n_, c, k_);
      size_t i = range.begin + random.below(range.end - range.begin);
      std::copy_n(points_ + i * dims_, dims_, centroids_ + c * dims_);
    }
  }

  // In 16 independent sums, which the compiler keeps in vector registers.
  float distance(const float* a, const float* b) const {
    constexpr size_t kLanes = 16;
    float sums[kLanes] = {};
    size_t d = 0;
    for (; d + kLanes <= dims_; d += kLanes) {
      for (size_t lane = 0; lane < kLanes; lane++) {
        float difference = a[d + lane] - b[d + lane];
        sums[lane] += difference * difference;
      }
    }
    float sum = 0;
    for (; d < dims_; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
    for (float lane : sums) sum += lane;
    return sum;
  }

  // Labels this thread's points, and adds them up by cluster in its own sums.
  void assign(int t) {
    float* sums = sums_ + t * k_ * dims_;
    uint64_t* counts = counts_ + t * k_;
    std::fill_n(sums, k_ * dims_, 0.f);
    std::fill_n(counts, k_, 0);
    double cost = 0;
    Slice slice = mine(n_, t);
    for (size_t i = slice.begin; i < slice.end; i++) {
      const float* point = points_ + i * dims_;
      uint32_t best = 0;
      float best_distance = distance(point, centroids_);
      for (uint32_t c = 1; c < k_; c++) {
        float d = distance(point, centroids_ + c * dims_);
        if (d < best_distance) best = c, best_distance = d;
      }
      labels_[i] = best;
      cost += best_distance;
      counts[best]++;
      for (size_t d = 0; d < dims_; d++) sums[best * dims_ + d] += point[d];
    }
    costs_[t] = cost;
  }

  // Moves this thread's part of the coordinates: all threads' sums, always added in their order.
  void update(int t) {
    Slice slice = mine(k_ * dims_, t);
    for (size_t j = slice.begin; j < slice.end; j++) {
      double sum = 0;
      uint64_t count = 0;
      for (int other = 0; other < o_.threads; other++) {
        sum += sums_[other * k_ * dims_ + j];
        count += counts_[other * k_ + j / dims_];
      }
      if (count > 0) centroids_[j] = float(sum / double(count));  // else it stays where it is
    }
  }

  void report(int round) const {
    double cost = 0;
    for (int t = 0; t < o_.threads; t++) cost += costs_[t];
    std::printf("round %d/%d: mean squared distance %.6f\n", round, o_.rounds, cost / double(n_));
    std::fflush(stdout);
  }

  const KMeansOptions& o_;
  size_t n_, dims_, k_;
  float* points_;
  float* centroids_;
  uint32_t* labels_;
  float* sums_;       // of each thread: of each cluster
  uint64_t* counts_;  // likewise
  double* costs_;     // of each thread
};
