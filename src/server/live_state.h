// What the web page sees: the whole state once, then differences (docs/server_http.md).
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "server/server_core.h"

namespace belay {

nlohmann::ordered_json client_json(const Client& client);

// One reader's knowledge.
class LiveState {
 public:
  // The next message: everything at first, then what has changed; empty: nothing has.
  std::string next(ServerCore& core);

 private:
  struct Known {
    nlohmann::ordered_json fields;  // all but the curve
    uint64_t curve_total = 0;
  };
  nlohmann::ordered_json difference(const Client& client, Known& known) const;

  bool begun_ = false;
  std::map<std::string, Known> known_;
};

}  // namespace belay
