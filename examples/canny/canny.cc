// Finds the edges of pictures.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <opencv2/imgcodecs.hpp>

#include "detector.h"

int main(int argc, char** argv) {
  CLI::App app("Finds the edges of pictures, and writes them as NAME.edges.png");
  std::vector<std::string> pictures;
  std::string folder = ".";
  Setting given;
  app.add_option("PICTURE", pictures)->required()->check(CLI::ExistingFile);
  app.add_option("--output", folder, "where to write to")->capture_default_str();
  auto* sigma = app.add_option("--sigma", given.sigma, "of the blur, in pixels");
  app.add_option("--low", given.low, "threshold of gradients next to an edge")->needs(sigma);
  app.add_option("--high", given.high, "threshold of gradients that begin one")->needs(sigma);
  CLI11_PARSE(app, argc, argv);
  Chooser chooser;
  for (const std::string& name : pictures) {
    cv::Mat grey = cv::imread(name, cv::IMREAD_GRAYSCALE);
    if (grey.empty()) {
      fprintf(stderr, "canny: %s is no picture that OpenCV can read\n", name.c_str());
      return 1;
    }
    Setting setting = sigma->count() > 0 ? given : chooser.choose(grey);
    cv::Mat edges = find_edges(grey, setting);
    auto out = folder / std::filesystem::path(name).stem();
    out += ".edges.png";
    if (!cv::imwrite(out.string(), edges)) {
      fprintf(stderr, "canny: %s can't be written\n", out.c_str());
      return 1;
    }
    printf("%s: sigma %.2f low %.0f high %.0f, %d edge pixels\n", out.c_str(),
           double(setting.sigma), double(setting.low), double(setting.high),
           cv::countNonZero(edges));
  }
  return 0;
}
