// A measurement as bench/report.py reads it: one row of JSON a line.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace belay::bench {

// pre: there is a value.
inline double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * double(values.size() - 1) + 0.5)];
}

// As printed: the reader of the row compares the rounded figures.
inline double rounded(double value) { return std::round(value * 1000) / 1000; }

using Peers = std::map<std::string, double>;  // what each one's median is

// The median of `own` and how far the samples spread. A target of 0 is none.
inline void print_row(const std::string& name, const char* unit, const std::vector<double>& own,
                      const Peers& peers, double target = 0, bool lower = true) {
  std::string list;
  for (const auto& [peer, peer_value] : peers) {
    char text[100];
    snprintf(text, sizeof text, "%s\"%s\": %.3f", list.empty() ? "" : ", ", peer.c_str(),
             peer_value);
    list += text;
  }
  double value = rounded(quantile(own, 0.5));
  bool met = lower ? value <= target : value >= target;
  printf(
      "{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.3f, \"p10\": %.3f, \"p90\": %.3f, "
      "\"peers\": {%s}, \"better\": \"%s\", \"target\": ",
      name.c_str(), unit, value, rounded(quantile(own, 0.1)), rounded(quantile(own, 0.9)),
      list.c_str(), lower ? "lower" : "higher");
  target > 0 ? printf("%.3f, \"met\": %s}\n", target, met ? "true" : "false")
             : printf("null, \"met\": null}\n");
  fflush(stdout);
}

}  // namespace belay::bench
