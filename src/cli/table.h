// Columns for the terminal.
#pragma once

#include <string>
#include <vector>

namespace belay::cli {

class Table {
 public:
  // A heading that begins with '>' is that of a column aligned to the right.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> row);
  std::string text() const;  // empty when there are no rows

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // the headings first
};

// Terminal-safe: control characters in names and paths become '?'.
std::string printable(std::string text);

}  // namespace belay::cli
