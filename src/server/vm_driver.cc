#include "server/vm_driver.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/vm.h"

namespace belay {
namespace {

using Json = Qmp::Json;

// A snapshot of 256 MiB takes 0.1 to 0.3 s; much more is a machine in trouble.
constexpr std::chrono::seconds kSnapshotLimit{60}, kCommandLimit{10};

}  // namespace

Result<std::unique_ptr<VmDriver>> VmDriver::attach(const std::string& folder) {
  auto socket = connect_unix(folder + "/" + kVmQmp);
  if (!socket)
    return fail(socket.error().code, "no virtual machine runs in {}: {}", folder,
                errno_text(socket.error().code));
  BELAY_ASSIGN(Qmp qmp, Qmp::open(std::move(*socket), kCommandLimit));
  std::unique_ptr<VmDriver> driver(new VmDriver(std::move(qmp)));
  BELAY_TRY(driver->find_snapshots());
  BELAY_ASSIGN(Json status, driver->qmp_.execute("query-status", {}, kCommandLimit));
  driver->standing_ = text_of(status, "status") == "prelaunch";
  return driver;
}

Status VmDriver::find_snapshots() {
  BELAY_ASSIGN(Json nodes,
               qmp_.execute("query-named-block-nodes", {{"flat", true}}, kCommandLimit));
  for (const Json& node : nodes) {
    if (text_of(node, "node-name") != kVmSnapshotsNode) continue;
    for (const Json& snapshot : member_of(member_of(node, "image"), "snapshots"))
      ids_.insert(text_of(snapshot, "name"));
    return {};
  }
  return fail(ENXIO, "this virtual machine was not started by Belay: it has no file for snapshots");
}

Status VmDriver::take(const std::string& id) {
  if (ids_.contains(id)) return fail(EEXIST, "there is a snapshot {} already", id);
  BELAY_TRY(run("snapshot-save", id, true));
  ids_.insert(id);
  return {};
}

Status VmDriver::restore(const std::string& id) {
  BELAY_TRY(known(id));
  if (standing_) BELAY_TRY(wait_for_port());
  auto done = run("snapshot-load", id, true);
  return done ? go_on() : go_on_after(done.error(), id);
}

Status VmDriver::start_anew() {
  // After a restore that has failed. Not the end of QEMU, which a guest's own reset is.
  BELAY_TRY(qmp_.execute("set-action", {{"reboot", "reset"}}, kCommandLimit));
  BELAY_TRY(qmp_.execute("system_reset", {}, kCommandLimit));
  BELAY_TRY(qmp_.execute("set-action", {{"reboot", "shutdown"}}, kCommandLimit));
  return go_on();
}

// QEMU takes who has connected in its own time.
Status VmDriver::wait_for_port() {
  const auto end = Qmp::Clock::now() + kCommandLimit;
  while (Qmp::Clock::now() < end) {
    BELAY_ASSIGN(Json devices, qmp_.execute("query-chardev", {}, kCommandLimit));
    for (const Json& device : devices)
      if (text_of(device, "label") == kVmPort &&
          !text_of(device, "filename").starts_with("disconnected"))
        return {};
  }
  return fail(ETIMEDOUT, "nobody is connected to the port of the machine");
}

Status VmDriver::remove(const std::string& id) {
  BELAY_TRY(known(id));
  BELAY_TRY(run("snapshot-delete", id, false));
  ids_.erase(id);
  return {};
}

Status VmDriver::known(const std::string& id) const {
  if (!ids_.contains(id)) return fail(ENOENT, "there is no snapshot {} of this machine", id);
  return {};
}

Status VmDriver::run(const char* command, const std::string& id, bool memory) {
  Json arguments = {{"tag", id}, {"devices", {kVmSnapshotsNode}}};
  if (memory) arguments["vmstate"] = kVmSnapshotsNode;
  qmp_.forget_events();
  return qmp_.run_job(command, std::move(arguments), kSnapshotLimit);
}

// QEMU starts a machine again only if it ran before.
Status VmDriver::go_on() {
  BELAY_ASSIGN(Json status, qmp_.execute("query-status", {}, kCommandLimit));
  if (member_of(status, "running") != true) BELAY_TRY(qmp_.execute("cont", {}, kCommandLimit));
  standing_ = false;
  return {};
}

// QEMU leaves a machine stopped that it has failed to load. It may go on if its memory has not been
// touched, and its client then hears of the failure; else only another snapshot can bring it back.
Status VmDriver::go_on_after(const Error& failed, const std::string& id) {
  if (failed.code != EREMOTEIO) return tl::make_unexpected(failed);  // QEMU is gone, or stuck
  if (failed.text().find("while loading VM state") != std::string_view::npos)
    return fail(EIO, "snapshot {} is damaged; its machine stands until another is restored: {}", id,
                failed.text());
  if (!standing_) BELAY_TRY(go_on());
  return tl::make_unexpected(failed);
}

}  // namespace belay
