// The server's terminal: clients, snapshots and rates as text, and what the keys do.
#pragma once

#include <string>

#include "server/catalog.h"

namespace belay {

constexpr char kCheckpointKey = 'c';
constexpr char kQuitKey = 'q';

class TerminalView {
 public:
  // A screen full, at most `rows` lines of `columns`.
  std::string draw(Catalog& catalog, uint64_t now_unix_ms, size_t rows, size_t columns);

 private:
  uint64_t requests_ = 0, drawn_ms_ = 0;
};

}  // namespace belay
