// The C interface. One lock: calls take turns. Null names are empty ones, which nothing has.
#include "belay/autonomize.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "learn/actors.h"
#include "learn/carry.h"
#include "learn/decisions.h"
#include "learn/end_signals.h"
#include "learn/snapshots.h"

#define BELAY_EXPORT extern "C" __attribute__((visibility("default")))

namespace belay {
namespace {

constexpr time_t kSaveEverySeconds = 60;

// What does not go back with the program; made when the library is loaded, so that the pointer to
// it is the same at every checkpoint.
struct Kept {
  ModelStore models{real_os(), read_settings()};
  Snapshots snapshots;
  bool forked = false;  // a child saves nothing. Not by its pid: an image's process has another
  time_t saved_at = 0;
  uint64_t timed_decisions = 0;
  double decision_ns = 0;  // that one was timed last
  std::atomic<unsigned> end_signals{0};
};
constinit Kept* kept = nullptr;
constinit ProgramState* program = nullptr;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

thread_local char sentence[sizeof Error::message];

// Of a thread: 1 in a call, 2 in what is called from there, or in a signal's handler.
[[gnu::tls_model("initial-exec")]] constinit thread_local int turns = 0;

class Turn {
 public:
  Turn() { take(); }
  ~Turn() { give_back(); }
  Turn(const Turn&) = delete;

  static void take() {
    if (turns++ == 0) pthread_mutex_lock(&lock);
  }
  static void give_back() {
    if (--turns == 0) pthread_mutex_unlock(&lock);
  }
};

int note(const Error& error) {
  copy_text(sentence, error.text());
  errno = error.code;
  return -1;
}

// Programs need not look at what the calls return: what has failed is said once anyway.
int remember(const Error& error) {
  if (kept->models.mode() != AuMode::kOff) {
    Turn turn;
    kept->models.warn(error);
  }
  return note(error);
}

std::string_view text(const char* name) { return name != nullptr ? name : ""; }

// Before the constructors without a number, which may want them (src/server/client.cc).
__attribute__((constructor(200))) void open_stores() {
  kept = make_in_model_memory<Kept>().release();
  // A child of fork() finds nothing half done, and nobody in it who never comes back.
  pthread_atfork(Turn::take, Turn::give_back, [] {
    kept->forked = true;
    Turn::give_back();
  });
  if (kept->models.mode() == AuMode::kOff) return;
  kept->models.episode_log().open(getenv("BELAY_AU_PROGRESS"));
  kept->models.episode_log().program_begins(name_of(kept->models.mode()));
  if (kept->models.mode() == AuMode::kTrain || kept->models.mode() == AuMode::kLearn)
    catch_end_signals(&kept->end_signals);
}

time_t now_seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec;
}

Status save_models() {
  if (kept->forked) return {};
  kept->saved_at = now_seconds();
  return kept->models.mode() == AuMode::kAct ? Status() : kept->models.save_all();
}

__attribute__((destructor)) void save_at_exit() {
  if (kept == nullptr || kept->forked) return;
  if (turns > 0) {
    log(LogLevel::kError,
        "exit() in a signal handler, in the midst of a call: what was learnt "
        "since models were last saved is lost");
    return;
  }
  Turn turn;
  kept->models.warn_of_settings();
  if (Status saved = save_models(); !saved) kept->models.warn(saved.error());
  if (kept->models.mode() != AuMode::kAct) return;
  if (Status sent = send_rest(kept->models); !sent) kept->models.warn(sent.error());
}

// Before each decision. Training that is killed has lost a minute, and none when it was asked to
// end.
void save_now_and_then() {
  if (kept->models.mode() == AuMode::kDeploy) return;
  if (unsigned came = kept->end_signals.load(std::memory_order_relaxed)) {
    if (Status saved = save_models(); !saved) kept->models.warn(saved.error());
    end_by(came);
  }
  time_t now = now_seconds();
  if (kept->saved_at == 0) kept->saved_at = now;
  if (now - kept->saved_at < kSaveEverySeconds) return;
  if (Status saved = save_models(); !saved) kept->models.warn(saved.error());
}

// How long decisions take: every 64th is timed, which costs the others nothing.
class TimedDecision {
 public:
  TimedDecision() {
    if (++kept->timed_decisions % 64 == 1) clock_gettime(CLOCK_MONOTONIC, &began_);
  }
  ~TimedDecision() {
    if (began_.tv_sec == 0) return;
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    kept->decision_ns =
        double(now.tv_sec - began_.tv_sec) * 1e9 + double(now.tv_nsec - began_.tv_nsec);
  }
  TimedDecision(const TimedDecision&) = delete;

 private:
  timespec began_ = {};
};

bool is_off() { return kept->models.mode() == AuMode::kOff; }

Decisions decisions() {
  if (program == nullptr) program = new ProgramState;
  return Decisions(kept->models, *program);
}

// What is worth carrying: the models that learn or have learned.
template <class Use>
void for_each_learned(Use use) {
  for (auto& model : kept->models.models())
    if (model->learned() != nullptr && !model->broken) use(*model);
}

// A learner does not come back: its program stands still, and goes when it is told to.
Status learn_for_others(std::string_view name, std::string_view inputs) {
  BELAY_ASSIGN(Model * model, decisions().learner(name, inputs));
  if (model == nullptr) return {};
  Status lost = learn_from_actors(kept->models, *model, save_now_and_then);
  kept->models.warn(lost.error());
  if (Status saved = save_models(); !saved) kept->models.warn(saved.error());
  end_by(1u << SIGTERM);
}

int result_of(const Status& status) { return status ? 0 : remember(status.error()); }

}  // namespace

void use_exchange(Exchange& exchange) { kept->models.use_exchange(exchange); }

std::vector<CarriedModel> carried_models() {
  Turn turn;
  std::vector<CarriedModel> all;
  for_each_learned([&](Model& model) {
    all.push_back({model_path("", model.spec().name),
                   encode_model(model.spec(), model.shape(), *model.learned())});
  });
  return all;
}

std::vector<std::string> carried_files() {
  Turn turn;
  std::vector<std::string> all;
  for (auto& model : kept->models.models())
    if (!model->broken && !model->scripted) all.push_back(model_path("", model->spec().name));
  return all;
}

Status put_back_model(const std::string& file, std::vector<std::byte> bytes) {
  Turn turn;
  return kept->models.put_back(file, std::move(bytes));
}

LearningFigures learning_figures() {
  Turn turn;
  LearningFigures most{.decision_ns = kept->decision_ns};
  for_each_learned([&](Model& model) {
    belay_au_stats stats = model.stats();
    if (stats.decisions + stats.examples < most.decisions) return;
    most = {stats.mean_return, stats.last_loss, kept->decision_ns, stats.episodes,
            stats.decisions + stats.examples};
  });
  return most;
}

}  // namespace belay

using namespace belay;

BELAY_EXPORT int belay_au_config(const char* model, belay_au_kind kind,
                                 belay_au_algorithm algorithm, const int32_t* layers) {
  Turn turn;
  return result_of(decisions().configure(text(model), kind, algorithm, layers));
}

BELAY_EXPORT int belay_au_output(const char* model, const char* name, size_t count, double low,
                                 double high, double fallback) {
  if (count == 0 || count > kVolumeSideMax || !(low <= fallback && fallback <= high) ||
      !(high - low < 1e30))
    return remember(fail(EINVAL,
                         "output '{}': it needs 1 to {} values with finite low <= default <= high, "
                         "not {} values from {} to {} with {}",
                         text(name), kVolumeSideMax, count, low, high, fallback)
                        .value());
  Turn turn;
  return result_of(
      kept->models.declare_output(text(model), {.name = ModelString(text(name)),
                                                .count = static_cast<uint32_t>(count),
                                                .low = static_cast<float>(low),
                                                .high = static_cast<float>(high),
                                                .fallback = static_cast<float>(fallback)}));
}

BELAY_EXPORT int belay_au_choice(const char* model, const char* name, size_t count,
                                 size_t fallback) {
  if (count < 2 || count > kVolumeSideMax || fallback >= count)
    return remember(fail(EINVAL,
                         "choice '{}': it needs 2 to {} choices and one of them as the default, "
                         "not {} with {}",
                         text(name), kVolumeSideMax, count, fallback)
                        .value());
  Turn turn;
  return result_of(
      kept->models.declare_output(text(model), {.name = ModelString(text(name)),
                                                .count = static_cast<uint32_t>(count),
                                                .is_choice = true,
                                                .fallback = static_cast<float>(fallback)}));
}

BELAY_EXPORT int belay_au_set(const char* model, const char* option, double value) {
  Turn turn;
  return result_of(kept->models.set(text(model), text(option), value));
}

BELAY_EXPORT int belay_au_extract_picture(const char* name, belay_au_type type, size_t height,
                                          size_t width, size_t channels, const void* data) {
  if (is_off()) return 0;
  if (height > kVolumeSideMax || width > kVolumeSideMax || channels > kVolumeSideMax)
    return remember(
        fail(E2BIG, "'{}': {} x {} x {} values", text(name), height, width, channels).value());
  Turn turn;
  Volume shape{static_cast<uint32_t>(height), static_cast<uint32_t>(width),
               static_cast<uint32_t>(channels)};
  return result_of(decisions().extract(text(name), type, shape, data));
}

BELAY_EXPORT int belay_au_extract(const char* name, belay_au_type type, size_t count,
                                  const void* data) {
  return belay_au_extract_picture(name, type, 1, 1, count, data);
}

BELAY_EXPORT const char* belay_au_serialize(const char* out, const char* const* names) {
  if (is_off()) return out;
  Turn turn;
  return result_of(decisions().serialize(text(out), names)) == 0 ? out : nullptr;
}

BELAY_EXPORT int belay_au_nn(const char* model, const char* inputs) {
  if (is_off()) return 0;
  Turn turn;
  save_now_and_then();
  TimedDecision timed;
  return result_of(decisions().decide(text(model), text(inputs)));
}

BELAY_EXPORT int belay_au_nn_reward(const char* model, const char* inputs, double reward,
                                    int terminal) {
  if (is_off()) return 0;
  Turn turn;
  save_now_and_then();
  if (kept->models.mode() == AuMode::kLearn)
    return result_of(learn_for_others(text(model), text(inputs)));
  TimedDecision timed;
  return result_of(decisions().decide_by_reward(text(model), text(inputs), reward, terminal != 0));
}

BELAY_EXPORT int belay_au_write_back(const char* name, belay_au_type type, size_t count,
                                     void* dst) {
  if (is_off()) return 0;
  Turn turn;
  return result_of(decisions().write_back(text(name), type, count, dst));
}

// In turn: nobody may be in the midst of a change to a model, which would stay half done. The
// program comes back to its own turn, in either of the two.
BELAY_EXPORT int belay_au_checkpoint(void) {
  if (is_off()) return 0;
  Turn turn;
  auto result = kept->snapshots.checkpoint();
  return result ? *result : remember(result.error());
}

BELAY_EXPORT int belay_au_restore(void) {
  if (is_off())
    return remember(fail(ENOENT, "au_restore: BELAY_AU is off, and nothing taken").value());
  Turn turn;
  Status failed = kept->snapshots.restore();
  // Many a program is told so each time that it fails before its first checkpoint.
  return failed.error().code == ENOENT ? note(failed.error()) : remember(failed.error());
}

BELAY_EXPORT int belay_au_use_snapshots(const belay_au_snapshots* snapshots) {
  if (snapshots == nullptr || !snapshots->take || !snapshots->go_back)
    return remember(fail(EINVAL, "au_use_snapshots: take and go_back are needed").value());
  kept->snapshots.use(*snapshots);
  return 0;
}

BELAY_EXPORT int belay_au_save(void) {
  Turn turn;
  return result_of(save_models());
}

BELAY_EXPORT int belay_au_fit(const char* name, uint64_t batches) {
  Turn turn;
  Model* model = kept->models.find(text(name));
  if (model == nullptr || model->learned() == nullptr || !model->learned()->supervised)
    return remember(fail(ENOENT, "no supervised model '{}' with examples", text(name)).value());
  model->learned()->supervised->learn_batches(batches, model->learned()->random);
  model->changed = true;
  return 0;
}

BELAY_EXPORT int belay_au_get_stats(const char* name, belay_au_stats* out) {
  Turn turn;
  Model* model = kept->models.find(text(name));
  if (model == nullptr || out == nullptr)
    return remember(fail(ENOENT, "no model '{}'", text(name)).value());
  *out = model->stats();
  return 0;
}

BELAY_EXPORT const char* belay_au_mode(void) { return name_of(kept->models.mode()); }

BELAY_EXPORT const char* belay_au_error(void) { return sentence; }
