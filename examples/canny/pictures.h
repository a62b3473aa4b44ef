// Pictures of a folder, and what happens to them before anybody looks for their edges.
#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <string>
#include <vector>

struct Picture {
  std::string name;
  cv::Mat grey;
  cv::Mat human;  // mean of several people's boundary maps, where there is NAME.png beside NAME.jpg
};

// Which of a folder's photographs: those whose number among them, modulo `of`, is `number`.
struct Part {
  unsigned number = 0, of = 1;
};

// In the order of their files' names; if there are more than `pictures_max`, evenly chosen. A
// photograph of more than twice the size of the set's is made smaller and cut in four.
std::vector<Picture> read_pictures(const std::filesystem::path& folder, const std::vector<Part>&,
                                   size_t pictures_max);

// What a poor camera makes of it: out of focus by up to 1.5 pixels, noise of up to 20 grey levels.
// The same seed, the same damage.
cv::Mat damaged(const cv::Mat& clean, uint64_t seed);
