// belay verify [NAME]
#include <sys/stat.h>

#include <map>
#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/instance.h"
#include "cli/json.h"
#include "cli/notice.h"
#include "cli/progress.h"
#include "cli/ranges.h"
#include "cli/recorded.h"
#include "cli/store_path.h"
#include "cli/table.h"
#include "cli/units.h"
#include "store/named.h"

namespace belay::cli {
namespace {

struct VerifyOptions {
  std::string store, name;
  bool json = false;
};

struct Verdict {
  std::string problem;  // empty: every page is as it was written
  uint64_t read_bytes = 0;
};

// Reads the checkpoints of one instance. Those of one file have most of their pages in common, and
// each page is read once: when a checkpoint is found good, so are its pages.
class Verifier {
 public:
  explicit Verifier(const std::string& name) : name_(name) {}
  Verdict verify(const CheckpointInfo& info);

 private:
  std::vector<StoredRun> unread_runs(const LoadedCheckpoint& checkpoint) const;

  using FileId = std::pair<dev_t, ino_t>;
  static FileId id_of(const std::string& file) {
    struct stat info = {};  // of none: the page that is read then says so
    stat(file.c_str(), &info);
    return {info.st_dev, info.st_ino};
  }

  std::string name_;
  std::map<FileId, Ranges> good_;  // those with a name are in files of the others'
};

std::vector<StoredRun> Verifier::unread_runs(const LoadedCheckpoint& checkpoint) const {
  auto good = good_.find(id_of(checkpoint.info.file));
  if (good == good_.end()) return checkpoint.runs;
  std::vector<StoredRun> unread;
  for (const StoredRun& run : checkpoint.runs) {
    const uint64_t end = run.file_offset + run.page_count * kPageBytes;
    good->second.for_each_gap(run.file_offset, end, [&](uint64_t from, uint64_t to) {
      const uint64_t skipped = (from - run.file_offset) / kPageBytes;
      unread.push_back({run.address + skipped * kPageBytes, (to - from) / kPageBytes, from,
                        run.checksum_index + skipped});
    });
  }
  return unread;
}

Verdict Verifier::verify(const CheckpointInfo& info) {
  Verdict verdict;
  if (!info.problem.empty()) {
    verdict.problem = info.problem;
    return verdict;
  }
  try {
    RecordedProgram program(info);
    LoadedCheckpoint unread = program.checkpoint();  // a copy; `program` closes the file
    unread.runs = unread_runs(unread);
    for (const StoredRun& run : unread.runs) verdict.read_bytes += run.page_count * kPageBytes;
    Progress progress(fmt::format("{} {}", name_, info.position.sequence), stderr,
                      can_show_progress(), Progress::Clock::now());
    require(verify_pages(real_os(), unread, 0, [&](uint64_t done, uint64_t total) {
      progress.update(done, total, Progress::Clock::now());
    }));
    Ranges& good = good_[id_of(info.file)];
    for (const StoredRun& run : unread.runs) {
      good.add(run.file_offset, run.file_offset + run.page_count * kPageBytes);
    }
  } catch (const Failure& failure) {
    verdict.problem = failure.what();
  }
  return verdict;
}

// `kept_as`: the name that the checkpoint has, or "".
void report(const Instance& instance, const CheckpointInfo& info, const std::string& kept_as,
            const Verdict& verdict, Json* list) {
  if (list != nullptr) {
    Json json = {{"name", instance.name},
                 {"sequence", info.position.sequence},
                 {"good", verdict.problem.empty()},
                 {"file", info.file},
                 {"read_bytes", verdict.read_bytes}};
    if (!kept_as.empty()) json["kept_as"] = kept_as;
    if (!verdict.problem.empty()) json["problem"] = verdict.problem;
    list->push_back(json);
    return;
  }
  std::string text = verdict.problem.empty()
                         ? fmt::format("good, {} read", format_bytes(verdict.read_bytes))
                         : fmt::format("DAMAGED: {}", printable(verdict.problem));
  printf("%s %llu%s: %s\n", printable(instance.name).c_str(),
         (unsigned long long)info.position.sequence,
         kept_as.empty() ? "" : fmt::format(", kept as {}", kept_as).c_str(), text.c_str());
}

// Says so as it goes, to `list` or on standard output, since it may take long; returns whether all
// is good.
bool verify_instance(const Instance& instance, Json* list) {
  Verifier verifier(instance.name);
  bool good = true;
  for (const CheckpointInfo& info : instance.checkpoints) {
    if (instance.is_incomplete(info)) continue;
    const Verdict verdict = verifier.verify(info);
    good = good && verdict.problem.empty();
    report(instance, info, "", verdict, list);
  }
  for (const NamedCheckpoint& named : require(list_named(instance.directory))) {
    CheckpointInfo info{.position = {.sequence = named.sequence}, .file = named.file};
    auto found = read_named(real_os(), named);
    if (found)
      info = *found;
    else
      info.problem = found.error().text();
    const Verdict verdict = verifier.verify(info);
    good = good && verdict.problem.empty();
    report(instance, info, named.name, verdict, list);
  }
  return good;
}

int verify(const VerifyOptions& options) {
  const std::string store = store_directory(options.store);
  std::vector<Instance> instances;
  if (options.name.empty()) {
    instances = list_instances(store);
  } else {
    instances.push_back(read_instance(store, options.name));
  }
  bool good = true, any = false;
  Json list = Json::array();
  for (const Instance& instance : instances) {
    any = any || !instance.checkpoints.empty();
    good = verify_instance(instance, options.json ? &list : nullptr) && good;
  }
  if (options.json) print(Json{{"store", store}, {"good", good}, {"checkpoints", list}});
  if (any) return good ? kExitOk : kExitNothing;
  notice("no checkpoints in {}", store);
  return options.name.empty() ? kExitOk : kExitNothing;
}

}  // namespace

void add_verify(Parser& parser) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command =
      parser.app.add_subcommand("verify", "Read every page of the checkpoints and check it");
  add_store_option(command, &options->store);
  add_json_option(command, &options->json);
  command->add_option("NAME", options->name, "Which one; see `belay ls` (default: all)")
      ->type_name("");
  command->callback([&parser, options] { parser.action = [options] { return verify(*options); }; });
}

}  // namespace belay::cli
