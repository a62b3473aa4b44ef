// JSON for `--json`: two spaces, a newline at the end, bytes that are not UTF-8 replaced.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>

#include "store/reader.h"

namespace belay::cli {

using Json = nlohmann::ordered_json;

inline void print(const Json& json) {
  std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  printf("%s\n", text.c_str());
}

// The fields that every command gives for a checkpoint.
Json to_json(const CheckpointInfo& info);

}  // namespace belay::cli
