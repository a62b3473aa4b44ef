#include "cli/curve.h"

#include <errno.h>

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"

namespace belay::cli {
namespace {

constexpr const char* kHead = "seconds,decisions,score,loss,epsilon\n";

}  // namespace

Curve read_curve(const std::string& path) {
  std::ifstream file(path);
  Curve curve;
  std::string line;
  for (size_t number = 1; std::getline(file, line); number++) {
    if (number == 1 && line + "\n" == kHead) continue;
    CurvePoint point;
    int read = 0;
    unsigned long long decisions = 0;
    int fields = sscanf(line.c_str(), "%lf,%llu,%lf,%lf,%lf%n", &point.seconds, &decisions,
                        &point.score, &point.loss, &point.epsilon, &read);
    point.decisions = decisions;
    if (file.eof()) break;  // no newline: written when the power went
    if (fields != 5 || size_t(read) != line.size())
      throw Failure(kExitData, fmt::format("{}:{}: is no line of a learning curve", path, number));
    curve.push_back(point);
  }
  return curve;
}

CurveFile::CurveFile(const std::string& path, const Curve& curve) : path_(path) {
  const std::string fresh = path + ".new";
  file_.reset(fopen(fresh.c_str(), "we"));
  if (!file_) throw Failure(kExitCannotCreate, fmt::format("{}: {}", fresh, errno_text(errno)));
  fputs(kHead, file_.get());
  for (const CurvePoint& point : curve) add(point);
  flush();
  std::filesystem::rename(fresh, path);
}

void CurveFile::add(const CurvePoint& point) {
  fmt::print(file_.get(), "{:.3f},{},{:.6g},{:.4g},{:.4g}\n", point.seconds, point.decisions,
             point.score, point.loss, point.epsilon);
}

void CurveFile::flush() {
  if (fflush(file_.get()) != 0 || ferror(file_.get()))
    throw Failure(kExitIo, fmt::format("{}: cannot be written", path_));
}

}  // namespace belay::cli
