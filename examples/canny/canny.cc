// Finds the edges of pictures.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>
#include <optional>

#include "detector.h"

namespace {

struct Options {
  std::vector<std::string> pictures;
  std::string folder = ".", right;
  std::optional<Setting> setting;
  bool measures = false;
};

cv::Mat read_grey(const std::string& name) {
  cv::Mat grey = cv::imread(name, cv::IMREAD_GRAYSCALE);
  if (grey.empty()) throw std::runtime_error(name + " is no picture that OpenCV can read");
  return grey;
}

Setting setting_for(const cv::Mat& grey, const Chooser& chooser, const Options& options) {
  if (options.setting) return *options.setting;
  if (options.right.empty()) return chooser.choose(grey);
  cv::Mat right = read_grey(options.right) > 127;
  if (right.size() != grey.size()) throw std::runtime_error(options.right + " has another size");
  Similarity like(right);
  return chooser.choose(grey, &like);
}

void find_edges_of(const std::string& name, const Chooser& chooser, const Options& options) {
  cv::Mat grey = read_grey(name);
  Setting setting = setting_for(grey, chooser, options);
  cv::Mat edges = find_edges(grey, setting);
  auto out = options.folder / std::filesystem::path(name).stem();
  out += ".edges.png";
  if (!cv::imwrite(out.string(), edges)) throw std::runtime_error(out.string() + ": not written");
  printf("%s: sigma %.2f low %.0f high %.0f, %d edge pixels\n", out.c_str(), double(setting.sigma),
         double(setting.low), double(setting.high), cv::countNonZero(edges));
  if (!options.measures) return;
  for (float value : measure(grey)) printf(" %.2f", double(value));
  printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Finds the edges of pictures, and writes them as NAME.edges.png");
  Options options;
  Setting given;
  app.add_option("PICTURE", options.pictures)->required()->check(CLI::ExistingFile);
  app.add_option("--output", options.folder, "where to write to")->capture_default_str();
  app.add_option("--like", options.right, "an edge map; the setting with the edges most like it")
      ->check(CLI::ExistingFile);
  app.add_flag("--measure", options.measures, "print what was measured in each picture");
  auto* sigma = app.add_option("--sigma", given.sigma, "of the blur, in pixels");
  app.add_option("--low", given.low, "threshold of gradients next to an edge")->needs(sigma);
  app.add_option("--high", given.high, "threshold of gradients that begin one")->needs(sigma);
  CLI11_PARSE(app, argc, argv);
  if (sigma->count() > 0) options.setting = given;
  try {
    Chooser chooser;
    for (const std::string& name : options.pictures) find_edges_of(name, chooser, options);
  } catch (const std::exception& error) {
    return fprintf(stderr, "canny: %s\n", error.what()), 1;
  }
  return 0;
}
