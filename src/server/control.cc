#include "server/control.h"

#include <errno.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "server/session.h"

namespace belay {
namespace {

using Json = nlohmann::ordered_json;
using Answer = std::function<void(std::string)>;

void say(const Answer& answer, const Status& status, Json more = Json::object()) {
  Json json{{"ok", status.has_value()}};
  if (!status) json["error"] = status.error().text();
  json.update(more);
  answer(json.dump());
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const Snapshot& snapshot) {
  return {{"id", snapshot.id},
          {"parent", snapshot.parent.empty() ? Json() : Json(snapshot.parent)},
          {"time_ms", snapshot.taken_unix_ms},
          {"bytes", snapshot.bytes},
          {"take_ns", snapshot.take_ns},
          {"pinned", snapshot.pinned}};
}

Json to_json(const Client& client) {
  Json snapshots = Json::array(), curve = Json::array();
  for (const Snapshot& snapshot : client.snapshots) snapshots.push_back(to_json(snapshot));
  for (const CurvePoint& point : client.curve)
    curve.push_back({point.unix_ms, number_or_null(point.score), number_or_null(point.loss)});
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
          {"current", client.current.empty() ? Json() : Json(client.current)},
          {"goal", goal == nullptr ? Json() : Json(goal->id)},
          {"snapshots", snapshots},
          {"curve", curve}};
}

// What changes a snapshot, and is answered when it is durable.
void change(ServerCore& core, const Json& request, const Answer& answer) {
  Catalog& catalog = core.catalog();
  std::string what = request.at("do"), client = request.at("client");
  std::string id = request.at("snapshot");
  Status status;
  if (what == "delete") {
    status = catalog.remove(client, id);
  } else if (what == "select") {
    status = catalog.select(client, id);
  } else {
    status = catalog.pin(client, id, what == "pin");
  }
  if (!status) return say(answer, status);
  core.commit(*catalog.find(client), [answer](const Status& done) { say(answer, done); });
}

void perform(ServerCore& core, const Json& request, const Answer& answer) {
  std::string what = request.at("do");
  if (what == "state") {
    answer(state_json(core));
  } else if (what == "checkpoint") {
    auto asked = core.ask(request.value("client", ""));
    if (!asked) return say(answer, tl::make_unexpected(asked.error()));
    say(answer, {}, {{"asked", *asked}});
  } else if (what == "stop") {
    say(answer, {});
    core.stop();
  } else if (what == "pin" || what == "unpin" || what == "delete" || what == "select") {
    change(core, request, answer);
  } else {
    say(answer, fail(EINVAL, "no command '{}'", what));
  }
}

}  // namespace

void control(ServerCore& core, const std::string& request, const Answer& answer) {
  try {
    perform(core, Json::parse(request), answer);
  } catch (const Json::exception&) {
    say(answer, fail(EINVAL, "not understood: an object with \"do\", \"client\", \"snapshot\""));
  }
}

std::string state_json(ServerCore& core) {
  Json clients = Json::array();
  for (const auto& [name, client] : core.catalog().clients()) clients.push_back(to_json(client));
  return Json{{"ok", true}, {"time_ms", core.now_unix_ms()}, {"clients", clients}}.dump();
}

Result<std::vector<std::string>> ServerCore::ask(std::string_view name) {
  std::vector<std::string> asked;
  if (!name.empty()) BELAY_TRY(catalog().find_or_fail(name));
  for (auto& [known, client] : catalog().clients()) {
    if (name.empty() ? !client.connected : known != name) continue;
    if (!client.connected) return fail(ENOTCONN, "client '{}' is not connected", name);
    client.asked = true;
    client.session->on_asked();
    asked.push_back(known);
  }
  changed();
  return asked;
}

}  // namespace belay
