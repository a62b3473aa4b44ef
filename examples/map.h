// Places on the globe, whole metres between them, and each one's nearest neighbours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "data.h"
#include "team.h"

class Map {
 public:
  static constexpr int kNeighbours = 8;

  explicit Map(const std::vector<Place>& places) {
    for (const Place& place : places) {
      double latitude = place.latitude * M_PI / 180, longitude = place.longitude * M_PI / 180;
      points_.push_back({std::cos(latitude) * std::cos(longitude),
                         std::cos(latitude) * std::sin(longitude), std::sin(latitude)});
    }
    find_neighbours();
  }

  int size() const { return int(points_.size()); }

  // Along the great circle, from the chord. Whole metres add up to the same in any order.
  int64_t metres(int a, int b) const {
    constexpr double kEarthDiameter = 2 * 6371008.8;
    return std::llround(kEarthDiameter * std::asin(std::min(1.0, chord(a, b) / 2)));
  }

  // Nearest first.
  std::span<const int> neighbours(int place) const {
    return {&neighbours_[size_t(place) * degree_], degree_};
  }

  // Northernmost first, in bands that are walked eastwards and westwards by turns: a tour to start
  // from.
  crvector<int> bands() const {
    int bands = std::max(1, int(std::sqrt(size() / 2.0)));
    auto band = [&](int i) { return int((1 - points_[i].z) / 2 * bands); };
    auto east = [&](int i) { return std::atan2(points_[i].y, points_[i].x); };
    crvector<int> order(points_.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      if (band(a) != band(b)) return band(a) < band(b);
      if (east(a) != east(b)) return (east(a) < east(b)) == (band(a) % 2 == 0);
      return a < b;
    });
    return order;
  }

 private:
  struct Point {
    double x, y, z;  // on the unit sphere
  };

  double chord(int a, int b) const {
    const Point &p = points_[a], &q = points_[b];
    return std::sqrt((p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y) +
                     (p.z - q.z) * (p.z - q.z));
  }

  // Looks north and south of each place, until the difference in height alone is too much.
  void find_neighbours() {
    int n = size();
    degree_ = size_t(std::min(kNeighbours, n - 1));
    neighbours_.resize(n * degree_);
    std::vector<int> by_height(n);
    std::iota(by_height.begin(), by_height.end(), 0);
    std::sort(by_height.begin(), by_height.end(),
              [&](int a, int b) { return points_[a].z < points_[b].z; });
    std::vector<std::pair<double, int>> nearest;
    for (int at = 0; at < n; at++) {
      int place = by_height[at];
      nearest.clear();
      auto consider = [&](int i) {
        int other = by_height[i];
        bool full = nearest.size() == degree_;
        if (full && std::abs(points_[other].z - points_[place].z) > nearest.back().first)
          return false;
        std::pair<double, int> entry{chord(place, other), other};
        if (full && entry > nearest.back()) return true;
        if (full) nearest.pop_back();
        nearest.insert(std::upper_bound(nearest.begin(), nearest.end(), entry), entry);
        return true;
      };
      bool north = true, south = true;
      for (int i = 1; north || south; i++) {
        north = north && at + i < n && consider(at + i);
        south = south && at - i >= 0 && consider(at - i);
      }
      for (size_t i = 0; i < degree_; i++) neighbours_[place * degree_ + i] = nearest[i].second;
    }
  }

  crvector<Point> points_;
  size_t degree_ = 0;
  crvector<int> neighbours_;
};
