// belay curves --svg FILE LABEL=FILE...
#include <fstream>

#include "cli/command.h"
#include "cli/curve_svg.h"
#include "cli/exit_code.h"

namespace belay::cli {
namespace {

struct CurvesOptions {
  std::string svg, title = "Learning curves";
  std::vector<std::string> files;
};

int draw(const CurvesOptions& options) {
  std::vector<CurveSeries> all;
  for (const std::string& argument : options.files) {
    size_t equals = argument.find('=');
    const bool labelled = equals != argument.npos;
    const std::string path = labelled ? argument.substr(equals + 1) : argument;
    const std::string label = labelled ? argument.substr(0, equals) : argument;
    auto known = std::find_if(all.begin(), all.end(),
                              [&](const CurveSeries& series) { return series.label == label; });
    if (known == all.end()) known = all.insert(all.end(), {label, {}});
    known->runs.push_back(read_curve(path));
    if (known->runs.back().empty())
      throw Failure(kExitNothing, fmt::format("{} holds no episode", path));
  }
  std::ofstream svg(options.svg);
  svg << curves_as_svg(options.title, all);
  svg.close();
  if (!svg) throw Failure(kExitCannotCreate, fmt::format("{} cannot be written", options.svg));
  return kExitOk;
}

}  // namespace

void add_curves(Parser& parser) {
  auto options = std::make_shared<CurvesOptions>();
  CLI::App* command =
      parser.app.add_subcommand("curves", "Draw learning curves that belay train has written");
  command->add_option("--svg", options->svg, "The picture (required)")
      ->type_name("FILE")
      ->required();
  command->add_option("--title", options->title, "Its title")
      ->type_name("TEXT")
      ->capture_default_str();
  command
      ->add_option("FILE", options->files,
                   "LABEL=FILE.csv: runs of one label are drawn as their median and spread")
      ->type_name("")
      ->required();
  command->callback([&parser, options] { parser.action = [options] { return draw(*options); }; });
}

}  // namespace belay::cli
