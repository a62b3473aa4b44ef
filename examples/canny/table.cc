#include "table.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "search.h"

namespace {

using nlohmann::json;

constexpr int kRefinements = 60;
constexpr double kRandomSeconds = 0.1;
constexpr const char* kColumns[] = {"blank",      "rule",    "fixed",   "random", "tuner_short",
                                    "tuner_long", "learned", "choices", "oracle"};
constexpr unsigned kTunerTrials[] = {10, 30, 100, 300, 1000};

// Processor time, which does not depend on what else runs.
double now_ms() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) / 1e6;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + long(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// The setting of the grid that is best for all pictures together, which nobody can know before.
size_t best_in_hindsight(const std::vector<std::vector<float>>& scores) {
  std::vector<float> sums(scores[0].size());
  for (const auto& row : scores)
    for (size_t i = 0; i < row.size(); i++) sums[i] += row[i];
  return size_t(std::max_element(sums.begin(), sums.end()) - sums.begin());
}

// Milliseconds, of the processor, of plain Canny, and of deciding and then the same.
std::pair<double, double> times(const Chooser& chooser, const Trial& trial) {
  std::vector<double> plain, decided;
  Setting setting = chooser.choose(trial.seen);
  for (int i = 0; i < 5; i++) {
    double start = now_ms();
    find_edges(trial.seen, setting);
    double middle = now_ms();
    find_edges(trial.seen, chooser.choose(trial.seen));
    double end = now_ms();
    plain.push_back(middle - start);
    decided.push_back(end - middle);
  }
  return {median(plain), median(decided)};
}

// The tuner sees the right edges. "overtaken": its first trial as good as what was learned, and
// how long it took to get there; "tuner_30": the best of its first 30 trials.
void run_tuner(const Trial& trial, const TableOptions& options, uint64_t seed, json& row) {
  unsigned trials = 0;
  double learned = row["learned"], best = 0, start_ms = now_ms();
  auto found = tune(
      [&](const Setting& setting) {
        double value = trial.score(setting);
        best = std::max(best, value);
        trials++;
        for (unsigned count : kTunerTrials)
          if (trials == count) row["tuner_" + std::to_string(count)] = best;
        if (value >= learned && !row.contains("overtaken"))
          row["overtaken"] = trials, row["overtaken_ms"] = now_ms() - start_ms;
        return value;
      },
      options.tuner_seconds, seed);
  row["tuner_short"] = found[0].score;
  row["tuner_long"] = found[1].score;
  row["tuner_trials"] = found[1].trials;
}

json score_one(const Trial& trial, const Chooser& chooser, const std::vector<float>& scores,
               size_t fixed) {
  auto score = [&](const Setting& setting) { return trial.score(setting); };
  Setting chosen = chooser.choose(trial.seen);
  const std::vector<Setting> settings = grid();
  Found oracle = best_of(settings, scores, score, kRefinements);
  auto choices = likeness_of(settings_for(trial.seen), trial.seen, trial.similarity);
  json row = {{"name", trial.name},
              {"blank", trial.similarity(cv::Mat::zeros(trial.seen.size(), CV_8U))},
              {"random", search_at_random(score, kRandomSeconds, 1).score},
              {"rule", trial.score(rule_of_thumb(trial.seen))},
              {"fixed", scores[fixed]},
              {"learned", trial.score(chosen)},
              {"choices", *std::max_element(choices.begin(), choices.end())},
              {"oracle", oracle.score},
              {"sigma", chosen.sigma},
              {"low", chosen.low},
              {"high", chosen.high}};
  if (!trial.human.empty()) {
    auto f = [&](const cv::Mat& edges) { return f_measure(edges, trial.human); };
    row["f_fixed"] = f(find_edges(trial.seen, settings[fixed]));
    row["f_learned"] = f(find_edges(trial.seen, chosen));
    row["f_oracle"] = f(find_edges(trial.seen, oracle.setting));
    row["f_right"] = f(trial.right);
  }
  std::tie(row["plain_ms"], row["decided_ms"]) = times(chooser, trial);
  return row;
}

// Of each figure, over the pictures that have it.
json means_of(const json& pictures) {
  std::map<std::string, std::pair<double, double>> sums;
  for (const json& row : pictures)
    for (const auto& [name, value] : row.items())
      if (value.is_number()) sums[name].first += double(value), sums[name].second++;
  json means;
  for (const auto& [name, sum] : sums) means[name] = sum.first / sum.second;
  return means;
}

// Whoever has found it.
double best_of_all(const json& row) {
  double best = 0;
  for (const char* column : kColumns)
    if (row.contains(column)) best = std::max(best, double(row[column]));
  return best;
}

void print_row(const std::string& name, const json& row) {
  printf("%-20s", name.substr(0, 19).c_str());
  for (const char* column : kColumns)
    row.contains(column) ? printf(" %8.3f", double(row[column])) : printf(" %8s", "-");
  printf("\n");
}

}  // namespace

json score_all(const std::vector<Trial>& trials, const TableOptions& options) {
  Chooser chooser;
  std::vector<std::vector<float>> scores;
  Progress progress("pictures", 2 * trials.size());
  for (const Trial& trial : trials) {
    scores.push_back(likeness_of(grid(), trial.seen, trial.similarity));
    progress.step();
  }
  size_t fixed = best_in_hindsight(scores);
  json pictures = json::array(), tuned = json::array();
  for (size_t i = 0; i < trials.size(); i++) {
    json row = score_one(trials[i], chooser, scores[i], fixed);
    if (i < options.tuned) run_tuner(trials[i], options, i + 1, row);
    row["oracle"] = best_of_all(row);
    if (i < options.tuned) tuned.push_back(row);
    pictures.push_back(std::move(row));
    progress.step();
  }
  json means = means_of(pictures);
  double gap = double(means["oracle"]) - double(means["fixed"]);
  double closed = double(means["learned"]) - double(means["fixed"]);
  return {{"pictures", pictures},
          {"means", means},
          {"means_of_tuned", means_of(tuned)},
          {"tuner_seconds", options.tuner_seconds},
          {"share_of_gap", gap > 0 ? closed / gap : 1}};
}

void print_table(const json& result) {
  printf(
      "Likeness (SSIM) to the right edges. The tuner is shown these, for %g s and %g s, and\n"
      "random search is, for %g s; fixed, choices (the best that could have been learned) and\n"
      "oracle are chosen by them. What was learned and the rule of thumb do not see them.\n\n%-20s",
      double(result["tuner_seconds"][0]), double(result["tuner_seconds"][1]), kRandomSeconds, "");
  for (const char* column : kColumns) printf(" %8.8s", column);
  printf("\n");
  for (const json& row : result["pictures"])
    if (row.contains("tuner_long")) print_row(row["name"], row);
  const json& means = result["means"];
  const json& tuned = result["means_of_tuned"];
  if (!tuned.empty()) print_row("mean of these", tuned);
  print_row("mean of all " + std::to_string(result["pictures"].size()), means);
  if (!tuned.empty()) {
    printf("\nthe tuner's mean after so many trials:");
    for (unsigned count : kTunerTrials)
      if (std::string name = "tuner_" + std::to_string(count); tuned.contains(name))
        printf("  %u: %.3f", count, double(tuned[name]));
  }
  printf("\nshare of the gap from the best fixed setting to the oracle closed: %.0f %%\n",
         100 * double(result["share_of_gap"]));
  printf("plain Canny %.2f ms a picture, deciding and Canny %.2f ms\n", double(means["plain_ms"]),
         double(means["decided_ms"]));
  if (means.contains("f_learned"))
    printf(
        "F-measure against what people have drawn: fixed %.3f, learned %.3f, oracle %.3f,\n"
        "right edges %.3f\n",
        double(means["f_fixed"]), double(means["f_learned"]), double(means["f_oracle"]),
        double(means["f_right"]));
}
