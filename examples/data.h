// Loading data, real ones by preference. Callers give the memory, so that these functions serve
// programs with and without Belay.
#pragma once

#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "repeatable.h"

[[noreturn]] inline void die(const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  std::exit(1);
}

// ---- Fashion-MNIST: 70,000 pictures of clothes, 28 x 28, in the format of the MNIST digits ----

constexpr int kPictureBytes = 28 * 28;

// An idx file: a magic number that tells the number of dimensions, their sizes, then bytes.
class IdxFile {
 public:
  IdxFile(const std::string& path, int dimensions)
      : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) die(path + ": can't be opened; it is in Debian's package dataset-fashion-mnist");
    if (word() != uint32_t(0x800 + dimensions)) die(path + ": not an idx file of this kind");
    count = word();
    for (int i = 1; i < dimensions; i++) item_bytes *= word();
  }
  ~IdxFile() { gzclose(file_); }
  IdxFile(const IdxFile&) = delete;

  void read(void* to, size_t bytes) {
    if (gzread(file_, to, unsigned(bytes)) != int(bytes)) die(path_ + ": ends early");
  }

  size_t count = 0;
  size_t item_bytes = 1;

 private:
  uint32_t word() {
    unsigned char b[4];
    read(b, sizeof b);
    return uint32_t(b[0]) << 24 | uint32_t(b[1]) << 16 | uint32_t(b[2]) << 8 | b[3];
  }
  std::string path_;
  gzFile file_;
};

// How many pictures "train" or "t10k" has.
inline size_t count_pictures(const std::string& folder, const std::string& set) {
  return IdxFile(folder + "/" + set + "-images-idx3-ubyte.gz", 3).count;
}

// Fills `pixels` with as many pictures as fit, each byte as 0 ... 1.
inline void load_pictures(const std::string& folder, const std::string& set,
                          std::span<float> pixels) {
  IdxFile file(folder + "/" + set + "-images-idx3-ubyte.gz", 3);
  if (file.item_bytes != kPictureBytes) die(folder + ": the pictures are not 28 x 28");
  unsigned char picture[kPictureBytes];
  for (size_t i = 0; i + kPictureBytes <= pixels.size(); i += kPictureBytes) {
    file.read(picture, sizeof picture);
    for (int j = 0; j < kPictureBytes; j++) pixels[i + j] = float(picture[j]) / 255;
  }
}

inline void load_labels(const std::string& folder, const std::string& set,
                        std::span<unsigned char> labels) {
  IdxFile(folder + "/" + set + "-labels-idx1-ubyte.gz", 1).read(labels.data(), labels.size());
}

// ---- Places on Earth ----

struct Place {
  double latitude, longitude;  // degrees
  std::string name;
};

// "+DDMM", "+DDMMSS", "+DDDMM" or "+DDDMMSS" (ISO 6709) in degrees.
inline double degrees(const std::string& text) {
  size_t digits = text.size() - 1;
  long n = std::atol(text.c_str() + 1);
  double seconds =
      digits >= 6 ? n / 10000 * 3600 + n / 100 % 100 * 60 + n % 100 : n / 100 * 3600 + n % 100 * 60;
  return (text[0] == '-' ? -seconds : seconds) / 3600;
}

// Lines of "codes TAB coordinates TAB name", as in tzdata's zone1970.tab; '#' starts a comment.
inline std::vector<Place> load_places(const std::string& path) {
  std::ifstream file(path);
  if (!file) die(path + ": can't be opened; the default is in Debian's package tzdata");
  std::vector<Place> places;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    size_t tab = line.find('\t');
    size_t split = tab == line.npos ? tab : line.find_first_of("+-", tab + 2);
    size_t end = split == line.npos ? split : line.find('\t', split);
    if (end == line.npos) die(path + ": not a table of places: " + line);
    places.push_back({degrees(line.substr(tab + 1, split - tab - 1)),
                      degrees(line.substr(split, end - split)),
                      line.substr(end + 1, line.find('\t', end + 1) - end - 1)});
  }
  return places;
}

// `count` places spread evenly over the globe.
inline std::vector<Place> random_places(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<Place> places(count);
  for (Place& place : places) {
    place.latitude = std::asin(2 * random.unit() - 1) * 180 / M_PI;
    place.longitude = 360 * random.unit() - 180;
  }
  return places;
}
