// belay play [OPTIONS] PROGRAM [ARGUMENTS...]
#include <algorithm>

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/json.h"
#include "cli/learner.h"

namespace belay::cli {
namespace {

struct PlayOptions : LearnerOptions {
  size_t episodes = 10;
};

struct Scores {
  std::string model;
  std::vector<double> all;
};

// A program that ends by itself before has played its games, and is started for more.
Scores play_episodes(const PlayOptions& options, EndWatch& ends) {
  Scores scores;
  while (scores.all.size() < options.episodes && ends.signal() == 0) {
    Learner learner(options, "deploy", {}, ends);
    for (Event event; event.kind != Event::kProgramEnded;) {
      event = learner.next();
      if (event.kind == Event::kEpisode) {
        scores.model = event.model;
        scores.all.push_back(event.score);
        if (!options.json) printf("episode %zu: %.2f\n", scores.all.size(), event.score);
      }
      if (event.kind == Event::kEndAsked || scores.all.size() >= options.episodes) {
        learner.end();
        break;
      }
    }
  }
  return scores;
}

int play(const PlayOptions& options) {
  EndWatch ends;
  Scores scores = play_episodes(options, ends);
  if (!scores.all.empty()) {
    auto [least, greatest] = std::minmax_element(scores.all.begin(), scores.all.end());
    double mean = 0;
    for (double score : scores.all) mean += score / double(scores.all.size());
    if (options.json) {
      print({{"model", scores.model},
             {"scores", scores.all},
             {"mean", mean},
             {"least", *least},
             {"greatest", *greatest}});
    } else {
      printf("%s: mean score of %zu episodes %.2f, from %.2f to %.2f\n", scores.model.c_str(),
             scores.all.size(), mean, *least, *greatest);
    }
  }
  return ends.signal() == 0 ? kExitOk : kExitSignal + ends.signal();
}

}  // namespace

void add_play(Parser& parser) {
  auto options = std::make_shared<PlayOptions>();
  CLI::App* command =
      parser.app.add_subcommand("play", "Let a program play with what it has learned");
  command->add_option("--episodes", options->episodes, "How many")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  options->add_to(command);
  add_json_option(command, &options->json);
  command->callback([&parser, options] {
    parser.action = [&parser, options] {
      options->prepare(parser.after_dashes);
      return play(*options);
    };
  });
}

}  // namespace belay::cli
