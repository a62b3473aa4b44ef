#include "cli/run_options.h"

#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/units.h"

namespace belay::cli {

void RunOptions::add_to(CLI::App* command) {
  add_store_option(command, &store);
  command
      ->add_option("--every", every,
                   "Time from one checkpoint to the next: 500ms, 30s, 5m, 1h, or never (default: "
                   "$BELAY_INTERVAL_MS, else 30s)")
      ->type_name("TIME");
  command
      ->add_option("--verify", verify,
                   "Check blocks ahead of the start, or when first touched (default: "
                   "$BELAY_VERIFY, else ahead)")
      ->check(CLI::IsMember({"ahead", "touch"}).description(""))
      ->type_name("ahead|touch");
  command
      ->add_option("--retention", retention,
                   "Incremental checkpoints before the next full one (default: "
                   "$BELAY_RETENTION, else 64)")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""))
      ->type_name("N");
  command
      ->add_option("--max-restarts", supervisor.restarts_max,
                   "Restarts in a row without a newer checkpoint, before giving up")
      ->type_name("N")
      ->capture_default_str();
}

std::map<std::string, std::string> RunOptions::environment() const {
  std::map<std::string, std::string> variables;
  if (every == "never") {
    variables["BELAY_INTERVAL_MS"] = std::to_string(UINT32_MAX);
  } else if (!every.empty()) {
    const uint32_t ms = parse_duration_ms(every);
    if (ms == 0) throw Failure(kExitUsage, "--every: at least 1ms, or never");
    variables["BELAY_INTERVAL_MS"] = std::to_string(ms);
  }
  if (!verify.empty()) variables["BELAY_VERIFY"] = verify;
  if (retention) variables["BELAY_RETENTION"] = std::to_string(*retention);
  return variables;
}

}  // namespace belay::cli
