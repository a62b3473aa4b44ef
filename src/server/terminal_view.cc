#include "server/terminal_view.h"

#include <algorithm>

#include "base/error.h"

namespace belay {
namespace {

std::string age(uint64_t then_ms, uint64_t now_ms) {
  uint64_t seconds = now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
  if (seconds < 100) return fmt::format("{} s", seconds);
  if (seconds < 6000) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h", seconds / 3600);
}

std::string line_of(const Client& client, uint64_t now_ms) {
  const Snapshot* latest = client.snapshots.empty() ? nullptr : &client.snapshots.back();
  std::string_view state = !client.connected ? "away" : client.asked ? "asked" : "plays";
  std::string score = "-";
  if (!client.curve.empty()) score = fmt::format("{:.3g}", client.curve.back().score);
  return fmt::format("{:<20} {:<10} {:<6} {:>9} {:>9} {:>9} {:>9}  {}", client.name, client.driver,
                     state, client.snapshots.size(), client.checkpoints, client.restores, score,
                     latest ? latest->id + ", " + age(latest->taken_unix_ms, now_ms) : "-");
}

}  // namespace

std::string TerminalView::draw(Catalog& catalog, uint64_t now_ms, size_t rows, size_t columns) {
  uint64_t requests = 0, snapshots = 0;
  for (auto& [name, client] : catalog.clients()) {
    requests += client.requests;
    snapshots += client.snapshots.size();
  }
  uint64_t passed_ms = std::max<uint64_t>(1, now_ms - drawn_ms_);
  uint64_t rate = drawn_ms_ == 0 ? 0 : (requests - requests_) * 1000 / passed_ms;
  requests_ = requests;
  drawn_ms_ = now_ms;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{} clients, {} snapshots, {} requests/s", catalog.clients().size(),
                              snapshots, rate));
  lines.push_back(fmt::format("[{}] checkpoint all   [{}] quit", kCheckpointKey, kQuitKey));
  lines.push_back("");
  lines.push_back(fmt::format("{:<20} {:<10} {:<6} {:>9} {:>9} {:>9} {:>9}  {}", "CLIENT", "DRIVER",
                              "STATE", "SNAPSHOTS", "TAKEN", "RESTORED", "SCORE", "LATEST"));
  for (auto& [name, client] : catalog.clients()) {
    if (lines.size() + 1 >= rows) {
      lines.push_back("...");
      break;
    }
    lines.push_back(line_of(client, now_ms));
  }
  std::string text;
  for (const std::string& line : lines) text += line.substr(0, columns) + "\n";
  return text;
}

}  // namespace belay
