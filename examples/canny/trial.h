// One picture as it was, as it is seen, and the edges that should be found in it.
#pragma once

#include <cstdint>

#include "detector.h"
#include "pictures.h"

// What the right edges of a picture are; always edges of the clean picture.
enum class Reference {
  kRule,   // those that the rule of thumb gives
  kPeople  // those of the grid's setting whose edges are most like what people have drawn
};

struct Trial {
  // pre: people have drawn boundaries in the picture, if the reference is theirs.
  Trial(const Picture& picture, uint64_t seed, Reference reference);

  double score(const Setting& setting) const { return similarity(find_edges(seen, setting)); }

  std::string name;
  cv::Mat seen, human;
  cv::Mat right;
  Similarity similarity;
};
