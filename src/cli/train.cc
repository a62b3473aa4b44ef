// belay train [OPTIONS] PROGRAM [ARGUMENTS...]
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "cli/actors.h"
#include "cli/command.h"
#include "cli/curve_svg.h"
#include "cli/exit_code.h"
#include "cli/goal.h"
#include "cli/json.h"
#include "cli/learner.h"
#include "cli/notice.h"
#include "cli/progress.h"

namespace belay::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct TrainOptions : LearnerOptions {
  size_t actors = 0;
  std::string server;
  std::vector<std::string> until;
  size_t window = 100;
};

class Training {
 public:
  explicit Training(const TrainOptions& options)
      : options_(options),
        goal_(options.until),
        progress_("", stderr, can_show_progress(), Clock::now()) {}

  int run();

 private:
  void one_program();
  void begin(const Event& event);
  void add(const Event& event);
  void show();
  TrainingState state() const;
  std::string path(const char* ending) const { return options_.models + "/" + model_ + ending; }
  void finish();
  double seconds() const {
    return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
  }

  TrainOptions options_;
  Goal goal_;
  EndWatch ends_;
  std::optional<Actors> actors_;
  Progress progress_;
  std::string model_, reached_;
  Curve curve_;
  std::optional<CurveFile> file_;
  double seconds_before_ = 0, score_sum_ = 0;  // of the last `window` episodes
  std::optional<double> first_score_;
  const Clock::time_point start_ = Clock::now();
};

int Training::run() {
  if (options_.actors > 0) actors_.emplace(options_, options_.actors, options_.server, ends_);
  while (reached_.empty() && ends_.signal() == 0) one_program();
  actors_.reset();
  finish();
  if (ends_.signal() == 0) return kExitOk;
  notice("ended by SIG{}: the same command goes on", sigabbrev_np(ends_.signal()));
  return kExitSignal + ends_.signal();
}

// A program that ends by itself has played its games, and is started for more.
void Training::one_program() {
  Learner learner(options_, actors_ ? "learn" : "train",
                  actors_ ? actors_->environment() : Environment(), ends_);
  for (;;) {
    if (actors_) actors_->replace_ended();
    Event event = learner.next();
    if (event.kind == Event::kProgramEnded) return;
    if (event.kind == Event::kModel) begin(event);
    if (event.kind == Event::kEpisode) add(event);
    if (event.kind == Event::kQuiet) file_ ? file_->flush() : void();
    show();
    reached_ = goal_.reached(state());
    if (!reached_.empty() || event.kind == Event::kEndAsked) return learner.end();
  }
}

// The curve goes on where the model does: what was learnt after its file was written last is lost,
// and so are the episodes of then.
void Training::begin(const Event& event) {
  if (file_) file_->flush();
  model_ = event.model;
  curve_ = read_curve(path(".csv"));
  while (!curve_.empty() && curve_.back().decisions > event.decisions) curve_.pop_back();
  seconds_before_ = curve_.empty() ? 0 : curve_.back().seconds;
  seconds_before_ -= std::chrono::duration<double>(Clock::now() - start_).count();
  file_.emplace(path(".csv"), curve_);
  score_sum_ = 0;
  first_score_.reset();
  size_t count = 0;
  for (const CurvePoint& point : curve_) {
    score_sum_ += point.score;
    if (++count > options_.window) score_sum_ -= curve_[count - 1 - options_.window].score;
    if (count == options_.window) first_score_ = score_sum_ / double(count);
  }
}

void Training::add(const Event& event) {
  curve_.push_back({seconds(), event.decisions, event.score, event.loss, event.epsilon});
  file_->add(curve_.back());
  score_sum_ += event.score;
  size_t count = curve_.size();
  if (count > options_.window) score_sum_ -= curve_[count - 1 - options_.window].score;
  if (count == options_.window) first_score_ = score_sum_ / double(count);
}

TrainingState Training::state() const {
  TrainingState state{.episodes = curve_.size(),
                      .decisions = curve_.empty() ? 0 : curve_.back().decisions,
                      .seconds = file_ ? seconds() : 0};
  if (curve_.size() >= options_.window) state.score = score_sum_ / double(options_.window);
  state.first_score = first_score_.value_or(0);
  return state;
}

void Training::show() {
  if (curve_.empty()) return;
  size_t count = std::min(curve_.size(), options_.window);
  progress_.show(goal_.share(state()),
                 fmt::format("{}  episode {}  score {:.2f}  loss {:.4f}  epsilon {:.3f}  {:.0f} s",
                             model_, curve_.size(), score_sum_ / double(count), curve_.back().loss,
                             curve_.back().epsilon, seconds()),
                 Clock::now());
}

void Training::finish() {
  progress_.wipe();
  if (!file_) return;
  file_->flush();
  std::ofstream svg(path(".svg"));
  svg << curves_as_svg(fmt::format("Training of {}", model_),
                       {{fmt::format("{} episodes", curve_.size()), {curve_}}});
  svg.close();
  if (!svg) throw Failure(kExitIo, fmt::format("{} cannot be written", path(".svg")));
  size_t count = std::max<size_t>(1, std::min(curve_.size(), options_.window));
  double score = score_sum_ / double(count);
  uint64_t decisions = curve_.empty() ? 0 : curve_.back().decisions;
  if (options_.json)
    return print({{"model", model_},
                  {"reached", reached_.empty() ? Json() : Json(reached_)},
                  {"episodes", curve_.size()},
                  {"decisions", decisions},
                  {"seconds", seconds()},
                  {"score", score},
                  {"window", options_.window},
                  {"curve", path(".csv")},
                  {"picture", path(".svg")}});
  printf(
      "%s: %s%s%zu episodes, %llu decisions, %.1f s; mean score of the last %zu: %.2f\n"
      "learning curve: %s, %s\n",
      model_.c_str(), reached_.c_str(), reached_.empty() ? "" : " reached. ", curve_.size(),
      static_cast<unsigned long long>(decisions), seconds(), count, score, path(".csv").c_str(),
      path(".svg").c_str());
}

}  // namespace

void add_train(Parser& parser) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = parser.app.add_subcommand(
      "train", "Train the learned decisions of a program until they are good enough");
  command
      ->add_option("--until", options->until,
                   "Goal: score=X, episodes=N, decisions=N or minutes=M; of several the first "
                   "(required)")
      ->type_name("GOAL")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--window", options->window, "The score is the mean of so many last episodes")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command
      ->add_option("--actors", options->actors,
                   "Play in so many processes, and learn in one more (default: all in one)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--server", options->server,
                   "Address of a belay serve between them (default: one of their own)")
      ->type_name("ADDRESS")
      ->needs("--actors");
  options->add_to(command);
  add_json_option(command, &options->json);
  command->callback([&parser, options] {
    parser.action = [&parser, options] {
      options->prepare(parser.after_dashes);
      return Training(*options).run();
    };
  });
}

}  // namespace belay::cli
