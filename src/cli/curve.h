// A learning curve: one point for each episode of a model's training, kept as CSV beside the model.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace belay::cli {

struct CurvePoint {
  double seconds = 0;      // of training, all runs together
  uint64_t decisions = 0;  // of the model, all runs together
  double score = 0, loss = 0, epsilon = 0;
};
using Curve = std::vector<CurvePoint>;

// Fails (data) where a line is not one of a curve, but for an incomplete last one; empty if there
// is no such file.
Curve read_curve(const std::string& path);

// Writes points behind what is there.
class CurveFile {
 public:
  // The file will hold `curve`, whatever it held.
  CurveFile(const std::string& path, const Curve& curve);
  void add(const CurvePoint& point);
  void flush();  // fails (I/O) when something could not be written

 private:
  struct Close {
    void operator()(FILE* file) const { fclose(file); }
  };
  std::string path_;
  std::unique_ptr<FILE, Close> file_;
};

}  // namespace belay::cli
