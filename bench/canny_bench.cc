// An edge detector that has learned its settings, on pictures that it has not learned from: how
// right its edges are beside fixed settings, tuners and oracle, and what deciding costs.
//
// usage: canny_bench [--quick]                 prints a row of JSON a measurement
//
// BELAY_BSDS names a folder with train/ and val/ of the Berkeley Segmentation Data Set; without it
// Debian's mate-backgrounds are cut up. --quick learns from few pictures, and is no measure of how
// well the same does with many.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "autonomize_lines.h"
#include "row.h"

namespace {

using namespace belay::bench;
using nlohmann::json;

constexpr int kExitSkip = 77;

struct Pictures {
  std::string train, score;  // a folder and which of it
  std::string name;          // what is learned depends on how many different ones there are
};

Pictures find_pictures() {
  constexpr const char* kPhotographs = "/usr/share/backgrounds/mate/nature";
  if (const char* bsds = getenv("BELAY_BSDS"))
    return {std::string(bsds) + "/train", std::string(bsds) + "/val --part 0/2", "BSDS500"};
  if (!std::filesystem::exists(kPhotographs)) {
    fprintf(stderr, "no pictures: BELAY_BSDS names none, and mate-backgrounds is not installed\n");
    exit(kExitSkip);
  }
  std::string folder = kPhotographs;
  return {folder + " --part 0/3 --part 1/3", folder + " --part 2/3", "mate-backgrounds"};
}

void run(const std::string& command) {
  int status = system((BELAY_CANNY_LAB " " + command).c_str());
  if (status == 0) return;
  fprintf(stderr, "canny_lab %s ended with %d\n", command.c_str(), status);
  exit(1);
}

// What canny_lab says of what it has learned from one lot of pictures and scored on the other.
json learn_and_score(const Pictures& pictures, const std::string& train_options,
                     const std::string& score_options) {
  char models[] = "/tmp/belay-canny-bench-XXXXXX";
  if (mkdtemp(models) == nullptr) perror(models), exit(1);
  std::string result = std::string(models) + "/result.json";
  std::string in = std::string(" --models ") + models;
  run("train " + pictures.train + in + train_options + " 1>&2");
  run("score " + pictures.score + in + score_options + " --json " + result);
  json read = json::parse(std::ifstream(result));
  std::filesystem::remove_all(models);
  return read;
}

std::vector<double> column(const json& result, const char* name) {
  std::vector<double> values;
  for (const json& row : result["pictures"])
    if (row.contains(name)) values.push_back(row[name]);
  return values;
}

std::vector<double> mean(const json& result, const char* name) { return {result["means"][name]}; }

Peers peers_of(const json& means, std::initializer_list<const char*> names) {
  Peers peers;
  for (const char* name : names)
    if (means.contains(name)) peers[name] = means[name];
  return peers;
}

void print_share(const std::string& name, const json& result, double target) {
  // Below 0: the fixed setting is better.
  double percent = std::max(0.0, 100 * double(result["share_of_gap"]));
  const json& means = result["means"];
  print_row(name, "%", {percent}, {}, target, false);
  print_row(name + ": likeness", "SSIM", mean(result, "learned"),
            peers_of(means, {"blank", "rule", "fixed", "random", "choices", "oracle"}), 0, false);
}

void print_tuner(const json& result, bool quick) {
  const json& means = result["means_of_tuned"];
  double seconds[2] = {result["tuner_seconds"][0], result["tuner_seconds"][1]};
  char name[100];
  snprintf(name, sizeof name, "Canny: likeness, against a tuner of %g s (short: %g s)", seconds[1],
           seconds[0]);
  print_row(name, "SSIM", {means["learned"]},
            peers_of(means, {"fixed", "tuner_short", "tuner_long", "oracle"}),
            quick ? 0 : rounded(means["tuner_long"]), false);
  auto overtaken = column(result, "overtaken");
  if (!overtaken.empty())
    print_row("Canny: trials in which the tuner is as good", "trials", overtaken,
              {{"trials in all its time", means["tuner_trials"]}}, 0, false);
  if (auto ms = column(result, "overtaken_ms"); !ms.empty())
    print_row("Canny: time after which the tuner is as good", "ms", ms,
              {{"deciding and Canny", means["decided_ms"]}}, 0, false);
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
  Pictures pictures = find_pictures();
  json result = quick ? learn_and_score(pictures, " --pictures 16 --draws 2 --batches 400",
                                        " --pictures 6 --tuned 2 --tuner-seconds 0.5 1")
                      : learn_and_score(pictures, " --draws 4", "");
  std::vector<double> plain = column(result, "plain_ms"), extra = column(result, "decided_ms");
  for (size_t i = 0; i < plain.size(); i++) extra[i] = std::max(0.0, extra[i] - plain[i]);
  print_row("Canny: deciding, on top of running", "ms", extra,
            {{"plain Canny", quantile(plain, 0.5)}}, 2);
  // The quick one has learned too little for the target to mean anything.
  print_share("Canny, " + pictures.name + (quick ? ", of 32 lessons only" : "") +
                  ": share of the gap from best fixed to oracle closed",
              result, quick ? 0 : 70);
  print_tuner(result, quick);
  if (result["means"].contains("f_learned"))
    print_row("Canny: F-measure against people", "F", mean(result, "f_learned"),
              peers_of(result["means"], {"f_fixed", "f_oracle", "f_right"}), 0, false);
  print_autonomize_lines("Canny", BELAY_CANNY_SOURCE);
  if (!quick && getenv("BELAY_BSDS") != nullptr)
    print_share(
        "Canny, right edges by people: share of the gap closed",
        learn_and_score(pictures, " --draws 4 --reference people", " --tuned 0 --reference people"),
        0);
  return 0;
}
