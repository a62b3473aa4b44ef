#include "pictures.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

namespace {

constexpr float kBlurMax = 1.5f, kNoiseMax = 20;
const cv::Size kTile{480, 320};

bool is_photograph(const std::filesystem::path& path) {
  auto type = path.extension();
  return type == ".jpg" || type == ".jpeg" || type == ".pgm";
}

void cut(const std::string& name, const cv::Mat& photograph, std::vector<Picture>& out) {
  cv::Mat small;
  cv::resize(photograph, small, {2 * kTile.width, 2 * kTile.height}, 0, 0, cv::INTER_AREA);
  for (int i = 0; i < 4; i++)
    out.push_back({name + "/" + std::to_string(i + 1),
                   small({{i % 2 * kTile.width, i / 2 * kTile.height}, kTile}).clone(),
                   {}});
}

}  // namespace

std::vector<Picture> read_pictures(const std::filesystem::path& folder,
                                   const std::vector<Part>& parts, size_t pictures_max) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (is_photograph(entry.path())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Picture> pictures;
  for (size_t i = 0; i < files.size(); i++) {
    if (std::none_of(parts.begin(), parts.end(),
                     [&](const Part& part) { return i % part.of == part.number; }))
      continue;
    cv::Mat grey = cv::imread(files[i].string(), cv::IMREAD_GRAYSCALE);
    if (grey.empty()) continue;
    std::string name = files[i].stem().string();
    if (grey.cols > 2 * kTile.width) {
      cut(name, grey, pictures);
      continue;
    }
    cv::Mat human;
    if (auto drawn = files[i].replace_extension(".png"); std::filesystem::exists(drawn))
      human = cv::imread(drawn.string(), cv::IMREAD_GRAYSCALE);
    if (human.size() != grey.size()) human.release();
    pictures.push_back({name, grey, human});
  }
  if (pictures.size() > pictures_max) {
    for (size_t i = 0; i < pictures_max; i++)
      std::swap(pictures[i], pictures[i * pictures.size() / pictures_max]);
    pictures.resize(pictures_max);
  }
  return pictures;
}

cv::Mat damaged(const cv::Mat& clean, uint64_t seed) {
  cv::RNG random(seed * 0x9e3779b97f4a7c15 + 1);
  float blur = random.uniform(0.0f, kBlurMax), level = random.uniform(0.0f, kNoiseMax);
  cv::Mat picture, noise(clean.size(), CV_32F), grey;
  clean.convertTo(picture, CV_32F);
  if (blur > 0.1f) cv::GaussianBlur(picture, picture, {}, blur);
  random.fill(noise, cv::RNG::NORMAL, 0, level);
  cv::Mat(picture + noise).convertTo(grey, CV_8U);
  return grey;
}
