#include "server/catalog.h"

#include <errno.h>

#include <algorithm>
#include <cmath>

#include "server/protocol.h"

namespace belay {
namespace {

bool is_among(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

void thin_out(std::deque<CurvePoint>& curve) {
  size_t kept = 0;
  for (size_t i = 1; i < curve.size(); i += 2) curve[kept++] = curve[i];
  curve.resize(kept);
}

}  // namespace

Snapshot* Client::find(std::string_view id) {
  for (Snapshot& snapshot : snapshots)
    if (snapshot.id == id) return &snapshot;
  return nullptr;
}

const Snapshot* Client::goal() const {
  for (const Snapshot& snapshot : snapshots)
    if (snapshot.id == target) return &snapshot;
  return snapshots.empty() ? nullptr : &snapshots.back();
}

bool Client::has_history() const {
  return checkpoints != 0 || !snapshots.empty() || !dropped.empty() || !told.empty();
}

Client* Catalog::find(std::string_view name) {
  auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : &found->second;
}

Result<Client*> Catalog::find_or_fail(std::string_view name) {
  if (Client* client = find(name)) return client;
  return fail(ENOENT, "no client '{}'", name);
}

// What lies on a disk is not to be forgotten, and then removed, since a program of the same name
// has been run in another way.
Status Catalog::check_heir(const Client& known, std::string_view driver, std::string_view store,
                           std::string_view newest) {
  const bool stays = known.driver == "process" || known.driver == "criu";
  if (known.snapshots.empty() || !stays) return {};
  if (known.driver != driver)
    return fail(EEXIST,
                "'{}' has {} snapshots of the driver '{}': give this client another name "
                "(BELAY_AU_CLIENT), or that driver (BELAY_AU_DRIVER)",
                known.name, known.snapshots.size(), known.driver);
  const bool holds_them = std::any_of(known.snapshots.begin(), known.snapshots.end(),
                                      [&](const Snapshot& one) { return one.id == newest; });
  if (known.store.empty() || known.store == store || holds_them) return {};
  return fail(EEXIST,
              "'{}' has {} snapshots in {}: give this client another name (BELAY_AU_CLIENT), or "
              "that store (BELAY_STORE)",
              known.name, known.snapshots.size(), known.store);
}

Result<Client*> Catalog::join(std::string_view name, std::string_view driver,
                              std::string_view instance, std::string_view store,
                              std::string_view newest) {
  if (!is_plain_name(name))
    return fail(EINVAL, "no name of a client: 1 to 63 letters, digits, '-', '_', '.'");
  if (!is_plain_name(instance)) return fail(EINVAL, "no instance");
  Client* known = find(name);
  if (known == nullptr && clients_.size() >= limits_.clients_max)
    return fail(EUSERS, "{} clients are all that this server takes", limits_.clients_max);
  if (known != nullptr && known->connected && known->instance != instance)
    return fail(EEXIST, "the name '{}' is in use: give this client another (BELAY_AU_CLIENT)",
                name);
  if (known != nullptr) BELAY_TRY(check_heir(*known, driver, store, newest));
  if (known == nullptr) known = &clients_[std::string(name)];
  if (known->instance != instance && driver == "savepoint") {
    known->snapshots.clear();
    known->target.clear();
  }
  if (known->instance != instance) {
    known->current.clear();
    known->pending.clear();
    known->dropped.clear();
    known->told.clear();
  }
  // The answer that told them may not have arrived.
  known->dropped.insert(known->dropped.end(), known->told.begin(), known->told.end());
  known->told.clear();
  known->store = store;
  known->name = name;
  known->driver = driver;
  known->instance = instance;
  known->connected = true;
  return known;
}

Result<std::string> Catalog::new_snapshot(const Client& client) {
  bool any_can_go = std::any_of(client.snapshots.begin(), client.snapshots.end(),
                                [](const Snapshot& snapshot) { return !snapshot.pinned; });
  if (client.snapshots.size() >= limits_.snapshots_max && !any_can_go)
    return fail(EDQUOT, "client '{}' has {} snapshots, all of them pinned", client.name,
                client.snapshots.size());
  if (client.disk_is_full && !any_can_go)
    return fail(EDQUOT, "client '{}' occupies {} bytes of disk, and all its snapshots are pinned",
                client.name, client.disk_bytes);
  return fmt::format("s{}-{}", prefix_, ++last_);
}

bool Catalog::make_room(Client& client) {
  bool made = false;
  while (client.snapshots.size() > limits_.snapshots_max || client.disk_is_full) {
    if (client.snapshots.empty()) break;
    auto oldest = std::find_if(client.snapshots.begin(), client.snapshots.end() - 1,
                               [](const Snapshot& snapshot) { return !snapshot.pinned; });
    if (oldest == client.snapshots.end() - 1) break;
    erase(client, oldest->id);
    client.disk_is_full = false;
    made = true;
  }
  return made;
}

void Catalog::add(Client& client, Snapshot snapshot) {
  snapshot.parent = client.find(client.current) != nullptr ? client.current : "";
  client.current = snapshot.id;
  client.target.clear();
  client.snapshots.push_back(std::move(snapshot));
  client.checkpoints++;
}

void Catalog::take_back(Client& client, const std::string& id) {
  if (client.find(id) == nullptr) return;
  erase(client, id);
  client.checkpoints--;
}

Status Catalog::pin(std::string_view name, std::string_view id, bool pinned) {
  BELAY_ASSIGN(Client * client, find_or_fail(name));
  Snapshot* snapshot = client->find(id);
  if (snapshot == nullptr) return fail(ENOENT, "client '{}' has no snapshot '{}'", name, id);
  snapshot->pinned = pinned;
  return {};
}

Status Catalog::remove(std::string_view name, std::string_view id) {
  BELAY_ASSIGN(Client * client, find_or_fail(name));
  Snapshot* snapshot = client->find(id);
  if (snapshot == nullptr) return fail(ENOENT, "client '{}' has no snapshot '{}'", name, id);
  if (snapshot->pinned) return fail(EBUSY, "snapshot '{}' is pinned: unpin it first", id);
  erase(*client, snapshot->id);
  return {};
}

Status Catalog::select(std::string_view name, std::string_view id) {
  BELAY_ASSIGN(Client * client, find_or_fail(name));
  if (client->find(id) == nullptr)
    return fail(ENOENT, "client '{}' has no snapshot '{}'", name, id);
  client->target = id;
  return {};
}

void Catalog::erase(Client& client, const std::string& id) {
  const std::string gone = id, parent = client.find(id)->parent;
  for (Snapshot& snapshot : client.snapshots)
    if (snapshot.parent == gone) snapshot.parent = parent;
  std::erase_if(client.snapshots, [&](const Snapshot& snapshot) { return snapshot.id == gone; });
  if (client.current == gone) client.current = parent;
  if (client.target == gone) client.target.clear();
  client.dropped.push_back(gone);
  client.change++;
}

bool Catalog::keep_only(Client& client, const std::vector<std::string>& ids, uint64_t now_unix_ms) {
  const uint64_t change = client.change;
  if (!client.has_history()) {
    for (const std::string& id : ids) add(client, {.id = id, .taken_unix_ms = now_unix_ms});
    client.current.clear();
    for (Snapshot& snapshot : client.snapshots) snapshot.parent.clear();
    client.change += !ids.empty();
  }
  for (size_t i = client.snapshots.size(); i-- > 0;)
    if (!is_among(ids, client.snapshots[i].id)) erase(client, client.snapshots[i].id);
  client.dropped.clear();
  client.told.clear();
  for (const std::string& id : ids)
    if (client.find(id) == nullptr) client.dropped.push_back(id);
  return client.change != change;
}

Client* Catalog::owner_of(const std::vector<std::string>& ids) {
  for (auto& [name, client] : clients_)
    if (!ways_back(client, ids).empty()) return &client;
  return nullptr;
}

std::vector<std::string> Catalog::ways_back(const Client& client,
                                            const std::vector<std::string>& ids) {
  std::vector<std::string> ways;
  const Snapshot* goal = client.goal();
  if (goal != nullptr && is_among(ids, goal->id)) ways.push_back(goal->id);
  for (auto snapshot = client.snapshots.rbegin(); snapshot != client.snapshots.rend(); ++snapshot)
    if (&*snapshot != goal && is_among(ids, snapshot->id)) ways.push_back(snapshot->id);
  return ways;
}

void Catalog::note_metrics(Client& client, std::string_view text, uint64_t now_unix_ms) {
  double decision_ns = number_value(text, "decision_ns");
  double restore_ns = number_value(text, "restore_ns");
  if (!std::isnan(decision_ns)) client.decision_ns = decision_ns;
  if (!std::isnan(restore_ns)) client.restore_ns = restore_ns;
  double disk_bytes = number_value(text, "disk_bytes");
  if (disk_bytes >= 0 && disk_bytes < 1e18) {
    client.disk_bytes = static_cast<uint64_t>(disk_bytes);
    // What has been dropped lies there until the client hears of it.
    const bool is_current = client.dropped.empty() && client.told.empty();
    client.disk_is_full =
        is_current && limits_.disk_bytes_max != 0 && client.disk_bytes > limits_.disk_bytes_max;
  }
  CurvePoint point{now_unix_ms, number_value(text, "score"), number_value(text, "loss"),
                   decision_ns};
  if (std::isnan(point.score) && std::isnan(point.loss) && std::isnan(decision_ns)) return;
  client.curve.push_back(point);
  client.curve_total++;
  if (client.curve.size() > limits_.curve_points_max) thin_out(client.curve);
}

}  // namespace belay
