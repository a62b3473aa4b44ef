#include "cli/json.h"

namespace belay::cli {

Json to_json(const CheckpointInfo& info) {
  Json json;
  json["sequence"] = info.position.sequence;
  json["whole"] = info.problem.empty();
  if (!info.problem.empty()) json["problem"] = info.problem;
  json["full"] = info.full;
  json["taken_unix_ns"] = info.taken_unix_ns;
  json["generation"] = info.position.generation;
  json["segment"] = info.position.segments - 1;
  json["file"] = info.file;
  json["file_bytes"] = info.file_bytes;
  json["data_pages"] = info.data_pages;
  json["discarded_pages"] = info.discarded_pages;
  return json;
}

}  // namespace belay::cli
