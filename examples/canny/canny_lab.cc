// Teaches the edge detector which settings suit which pictures, and scores what it has learned.
#include <belay/autonomize.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "table.h"
#include "trial.h"

namespace {

struct Options {
  std::string folder, models = ".", json;
  std::vector<std::string> parts = {"0/1"};
  size_t pictures = 1000000, draws = 4, threads = 2;
  uint64_t seed = 1, batches = 5000;
  Reference reference = Reference::kRule;
  TableOptions table;
};

std::vector<Picture> pictures_of(const Options& options) {
  std::vector<Part> parts;
  for (const std::string& text : options.parts) {
    Part part;
    if (sscanf(text.c_str(), "%u/%u", &part.number, &part.of) != 2 || part.number >= part.of)
      throw CLI::ValidationError("--part", text + " is not K/N with K below N");
    parts.push_back(part);
  }
  auto pictures = read_pictures(options.folder, parts, options.pictures);
  if (options.reference == Reference::kPeople)
    std::erase_if(pictures, [](const Picture& picture) { return picture.human.empty(); });
  if (pictures.empty()) throw CLI::ValidationError("FOLDER", "no picture in " + options.folder);
  return pictures;
}

struct Lesson {
  cv::Mat seen;
  std::vector<float> merits;
};

// Every picture is damaged in `draws` ways. Threads take turns; what they make has its place.
std::vector<Lesson> make_lessons(const Options& options) {
  auto pictures = pictures_of(options);
  std::vector<Lesson> lessons(pictures.size() * options.draws);
  std::atomic<size_t> next = 0;
  Progress progress("lessons", lessons.size());
  auto work = [&] {
    for (size_t i; (i = next++) < lessons.size();) {
      Trial trial(pictures[i % pictures.size()], options.seed * 1000003 + i, options.reference);
      auto likeness = likeness_of(settings_for(trial.seen), trial.seen, trial.similarity);
      lessons[i] = {trial.seen, merits_of(likeness)};
      progress.step();
    }
  };
  std::vector<std::thread> threads(options.threads - 1);
  for (auto& thread : threads) thread = std::thread(work);
  work();
  for (auto& thread : threads) thread.join();
  return lessons;
}

int train(const Options& options) {
  Chooser chooser;
  au_set("canny", "batches_per_example", 0);
  for (const Lesson& lesson : make_lessons(options)) {
    au_extract("merits", lesson.merits);  // computed ahead, by many threads
    chooser.choose(lesson.seen);
  }
  belay_au_stats stats;
  if (belay_au_fit("canny", options.batches) != 0 || au_save() != 0 ||
      belay_au_get_stats("canny", &stats) != 0)
    return fprintf(stderr, "canny_lab: %s\n", au_error()), 1;
  printf("%lu examples, %lu batches, loss %.5f\n", stats.examples, stats.batches, stats.last_loss);
  return 0;
}

int score(const Options& options) {
  std::vector<Trial> trials;
  auto pictures = pictures_of(options);
  for (size_t i = 0; i < pictures.size(); i++)
    trials.emplace_back(pictures[i], options.seed * 2000003 + i, options.reference);
  nlohmann::json result = score_all(trials, options.table);
  if (options.json.empty()) return print_table(result), 0;
  FILE* out = options.json == "-" ? stdout : fopen(options.json.c_str(), "w");
  if (out == nullptr) return perror(options.json.c_str()), 1;
  fprintf(out, "%s\n", result.dump(1).c_str());
  return fclose(out) == 0 ? 0 : 1;
}

// The mode is read when the program starts.
void start_again_as(const char* mode, const Options& options, char** argv) {
  if (getenv("BELAY_AU") != nullptr) return;
  setenv("BELAY_AU", mode, 1);
  setenv("BELAY_AU_MODELS", options.models.c_str(), 1);
  execv("/proc/self/exe", argv);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Teaches canny, and scores it");
  app.require_subcommand(1);
  auto* train_command = app.add_subcommand("train", "learn from a folder of pictures");
  auto* score_command =
      app.add_subcommand("score", "score on a folder of pictures, as a table or as JSON");
  for (auto* command : {train_command, score_command}) {
    command->add_option("FOLDER", options.folder)->required()->check(CLI::ExistingDirectory);
    command->add_option("--models", options.models, "folder of canny.model")->capture_default_str();
    command->add_option("--part", options.parts, "K/N: photographs whose number modulo N is K");
    command->add_option("--pictures", options.pictures, "at most so many");
    command->add_option("--seed", options.seed, "of blur and noise")->capture_default_str();
    command
        ->add_option("--reference", options.reference,
                     "right edges are those of the clean picture by rule, or as people would")
        ->transform(CLI::CheckedTransformer(std::map<std::string, Reference>{
            {"rule", Reference::kRule}, {"people", Reference::kPeople}}));
  }
  train_command->add_option("--draws", options.draws, "of blur and noise for each picture")
      ->capture_default_str();
  train_command->add_option("--batches", options.batches)->capture_default_str();
  train_command->add_option("--threads", options.threads)
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  score_command->add_option("--json", options.json, "write there; - is standard output");
  score_command->add_option("--tuned", options.table.tuned, "pictures that the tuner is run for");
  score_command->add_option("--tuner-seconds", options.table.tuner_seconds, "short and long")
      ->expected(2);
  CLI11_PARSE(app, argc, argv);
  start_again_as(train_command->parsed() ? "train" : "deploy", options, argv);
  cv::setNumThreads(1);
  try {
    return train_command->parsed() ? train(options) : score(options);
  } catch (const CLI::Error& error) {
    return app.exit(error);
  }
}
