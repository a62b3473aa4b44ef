#include "server/live_state.h"

#include <cmath>

namespace belay {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }
Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json as_shown(const Snapshot& snapshot) {
  return {{"id", snapshot.id},
          {"parent", text_or_null(snapshot.parent)},
          {"time_ms", snapshot.taken_unix_ms},
          {"bytes", snapshot.bytes},
          {"take_ns", snapshot.take_ns},
          {"pinned", snapshot.pinned}};
}

Json fields_of(const Client& client) {
  Json snapshots = Json::array();
  for (const Snapshot& snapshot : client.snapshots) snapshots.push_back(as_shown(snapshot));
  const Snapshot* goal = client.goal();
  return {{"name", client.name},
          {"driver", client.driver},
          {"connected", client.connected},
          {"asked", client.asked},
          {"pid", client.pid},
          {"requests", client.requests},
          {"checkpoints", client.checkpoints},
          {"restores", client.restores},
          {"decision_ns", client.decision_ns},
          {"restore_ns", client.restore_ns},
          {"disk_bytes", client.disk_bytes},
          {"current", text_or_null(client.current)},
          {"goal", goal == nullptr ? Json() : Json(goal->id)},
          {"snapshots", snapshots}};
}

// The last `count` points, or all that are left of them.
Json last_points(const Client& client, uint64_t count) {
  Json points = Json::array();
  size_t first = client.curve.size() - std::min<uint64_t>(count, client.curve.size());
  for (size_t i = first; i < client.curve.size(); i++) {
    const CurvePoint& point = client.curve[i];
    points.push_back({point.unix_ms, number_or_null(point.score), number_or_null(point.loss),
                      number_or_null(point.decision_ns)});
  }
  return points;
}

}  // namespace

Json client_json(const Client& client) {
  Json json = fields_of(client);
  json["curve"] = last_points(client, client.curve.size());
  return json;
}

// Empty: nothing has changed.
Json LiveState::difference(const Client& client, Known& known) const {
  Json now = fields_of(client), changed = Json::object();
  for (const auto& [key, value] : now.items())
    if (!known.fields.contains(key) || known.fields[key] != value) changed[key] = value;
  if (known.fields.is_null()) {
    changed["curve"] = last_points(client, client.curve.size());
  } else if (client.curve_total != known.curve_total) {
    changed["curve_added"] = last_points(client, client.curve_total - known.curve_total);
  }
  if (!changed.empty()) changed["name"] = client.name;
  known = {std::move(now), client.curve_total};
  return changed;
}

std::string LiveState::next(ServerCore& core) {
  Json clients = Json::array(), gone = Json::array();
  auto& all = core.catalog().clients();
  for (const auto& [name, client] : all) {
    Json changed = difference(client, known_[name]);
    if (!changed.empty()) clients.push_back(std::move(changed));
  }
  std::erase_if(known_, [&](const auto& known) {
    if (all.contains(known.first)) return false;
    gone.push_back(known.first);
    return true;
  });
  if (begun_ && clients.empty() && gone.empty()) return "";
  Json message{{"type", begun_ ? "update" : "state"}, {"time_ms", core.now_unix_ms()}};
  if (begun_) message["gone"] = gone;
  if (!begun_) message["ok"] = true;
  message["clients"] = clients;
  begun_ = true;
  return message.dump();
}

}  // namespace belay
