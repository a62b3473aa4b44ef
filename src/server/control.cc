#include "server/control.h"

#include <errno.h>

#include "server/live_state.h"
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
  // What a program keeps on its own disk, it removes when it hears of it.
  const Client& owner = *catalog.find(client);
  Json more = Json::object();
  if (what == "delete" && owner.driver == "process" && !owner.connected)
    more = {{"pending", true}, {"store", owner.store}};
  core.commit(*catalog.find(client), [answer, more](const Status& done) {
    if (done) return say(answer, done, more);
    say(answer, fail(done.error().code, "it is so, but a server that ends now forgets it: {}",
                     done.error().text()));
  });
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
  control_as(core, "", request, answer);
}

void control_as(ServerCore& core, std::string_view what, const std::string& request,
                const Answer& answer) {
  try {
    Json json = Json::parse(request);
    if (!what.empty()) json["do"] = what;
    perform(core, json, answer);
  } catch (const Json::exception&) {
    say(answer, fail(EINVAL, "not understood: an object with \"do\", \"client\", \"snapshot\""));
  }
}

std::string state_json(ServerCore& core) {
  Json clients = Json::array();
  for (const auto& [name, client] : core.catalog().clients())
    clients.push_back(client_json(client));
  return Json{{"ok", true}, {"time_ms", core.now_unix_ms()}, {"clients", clients}}.dump();
}

Result<std::vector<std::string>> ServerCore::ask(std::string_view name) {
  std::vector<std::string> asked;
  if (!name.empty()) BELAY_TRY(catalog().find_or_fail(name));
  for (auto& [known, client] : catalog().clients()) {
    bool can_take = client.connected && client.driver != kNoDriver;
    if (name.empty() ? !can_take : known != name) continue;
    if (!client.connected) return fail(ENOTCONN, "client '{}' is not connected", name);
    if (!can_take) return fail(ENOTSUP, "client '{}' has no snapshots", name);
    client.asked = true;
    client.session->on_asked();
    asked.push_back(known);
  }
  changed();
  return asked;
}

}  // namespace belay
