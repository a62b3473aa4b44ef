#include "checkpoint/choose.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/os.h"
#include "checkpoint/lazy_fill.h"
#include "image/description.h"

namespace belay {
namespace {

Status check_identity(const Description& description, const BuildIdentity& identity) {
  const ProcessRecord& process = description.process();
  if (process.build_id_bytes == identity.build_id_bytes &&
      memcmp(process.build_id, identity.build_id, identity.build_id_bytes) == 0)
    return {};
  return fail(EINVAL,
              "the checkpoint was taken by another build of {}: put that build back, or "
              "start anew with --fresh",
              description.executable());
}

}  // namespace

Result<StorePosition> newest_position(const Config& config) {
  BELAY_ASSIGN(auto found, list_checkpoints(real_os(), config.directory));
  for (const CheckpointInfo& info : found)
    if (info.problem.empty()) return info.position;
  return StorePosition{};
}

Result<bool> store_holds_any(const Config& config) {
  BELAY_ASSIGN(auto found, list_checkpoints(real_os(), config.directory, ListDepth::kMetadata));
  return !found.empty();
}

Result<LoadedCheckpoint> load_verified(const CheckpointInfo& info, const BuildIdentity& identity,
                                       cr_verify verify) {
  BELAY_ASSIGN(LoadedCheckpoint checkpoint, load_checkpoint(real_os(), info));
  Status status;
  auto description = Description::parse(checkpoint.description);
  if (!description) status = tl::make_unexpected(description.error());
  if (status) status = check_identity(*description, identity);
  if (status) {
    std::vector<StoredRun> all = checkpoint.runs;
    if (verify == CR_VERIFY_TOUCH) keep_eager(*description, &checkpoint.runs);
    status = verify_pages(real_os(), checkpoint, 0);
    checkpoint.runs = std::move(all);
  }
  if (status) return checkpoint;
  close(checkpoint.fd);
  return tl::make_unexpected(status.error());
}

Result<LoadedCheckpoint> choose(const std::vector<CheckpointInfo>& found, const Config& config,
                                const BuildIdentity& identity) {
  Status problem =
      fail(ENOENT, "no checkpoint {} in {}", config.restore_sequence, config.directory);
  // A file whose METADATA is damaged has no sequence number, and sorts last: it comes first here.
  auto tell = [&](const CheckpointInfo& info) {
    log(LogLevel::kNotice, "checkpoint {} in {}: {}", info.position.sequence, info.file,
        info.problem);
    if (!info.unfinished) problem = fail(EBADMSG, "nothing in {} is whole", config.directory);
  };
  for (const CheckpointInfo& info : found)
    if (info.position.sequence == 0 && config.restore_sequence == 0) tell(info);
  for (const CheckpointInfo& info : found) {
    uint64_t sequence = info.position.sequence;
    if (sequence == 0) continue;
    if (config.restore_sequence != 0 && sequence != config.restore_sequence) continue;
    if (!info.problem.empty()) {
      tell(info);
      continue;
    }
    auto checkpoint = load_verified(info, identity, config.verify);
    if (checkpoint || checkpoint.error().code != EBADMSG) return checkpoint;
    log(LogLevel::kNotice, "checkpoint {} is damaged: {}", sequence, checkpoint.error().message);
    problem = fail(EBADMSG, "nothing in {} is whole", config.directory);
  }
  return tl::make_unexpected(problem.error());
}

StorePosition continue_at(const std::vector<CheckpointInfo>& found, const StorePosition& restored,
                          bool is_named) {
  StorePosition next = restored;
  if (is_named) {
    auto whole = std::find_if(found.begin(), found.end(),
                              [](const CheckpointInfo& info) { return info.problem.empty(); });
    next = whole != found.end() ? whole->position : StorePosition{};
    next.sequence = std::max(next.sequence, restored.sequence);
  }
  for (const CheckpointInfo& info : found)
    next.sequence = std::max(next.sequence, info.position.sequence);
  return next;
}

}  // namespace belay
