#include "learn/settings.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

namespace belay {
namespace {

constexpr std::string_view kModeNames[] = {"off", "record", "train", "deploy", "act", "learn"};

AuMode parse_mode(const char* text) {
  for (size_t i = 0; i < std::size(kModeNames); i++)
    if (text == kModeNames[i]) return static_cast<AuMode>(i);
  log(LogLevel::kError,
      "BELAY_AU={}: off, record, train, deploy, act and learn are possible; it is off", text);
  return AuMode::kOff;
}

AuBackend parse_backend(std::string_view text) {
  if (text == "torch") return AuBackend::kTorch;
  if (text != "eigen")
    log(LogLevel::kError, "BELAY_AU_BACKEND={}: eigen and torch are possible; it is eigen", text);
  return AuBackend::kEigen;
}

Status apply_one(std::string_view assignment, std::string_view model, ModelOptions& options) {
  size_t equals = assignment.find('=');
  std::string text(assignment.substr(equals + 1));
  char* end = nullptr;
  double value = strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0')
    return fail(EINVAL, "BELAY_AU_SET: '{}': '{}' is no number (spaces part assignments)",
                assignment, text);
  std::string_view name = assignment.substr(0, equals).substr(model.size() + 1);
  if (Status set = set_option(options, name, value); !set)
    return fail(set.error().code, "BELAY_AU_SET: {}", set.error().text());
  return {};
}

}  // namespace

AuSettings read_settings() {
  AuSettings settings;
  if (const char* mode = getenv("BELAY_AU"); mode && *mode) settings.mode = parse_mode(mode);
  if (const char* folder = getenv("BELAY_AU_MODELS"); folder && *folder) settings.folder = folder;
  if (const char* options = getenv("BELAY_AU_SET")) settings.options = options;
  if (const char* backend = getenv("BELAY_AU_BACKEND"); backend && *backend)
    settings.backend = parse_backend(backend);
  if (const char* model = getenv("BELAY_AU_EXCHANGE_MODEL")) settings.exchanged = model;
  if (const char* actor = getenv("BELAY_AU_ACTOR")) settings.actor = strtoull(actor, nullptr, 10);
  return settings;
}

const char* name_of(AuMode mode) { return kModeNames[static_cast<size_t>(mode)].data(); }

Status for_each_setting(const AuSettings& settings, const UseSetting& use) {
  std::string_view rest = settings.options;
  while (!rest.empty()) {
    std::string_view assignment = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(assignment.size() + 1, rest.size()));
    if (assignment.empty()) continue;
    size_t equals = assignment.find('='), dot = assignment.substr(0, equals).rfind('.');
    if (equals == assignment.npos || dot == assignment.npos)
      return fail(EINVAL, "BELAY_AU_SET: '{}' is not MODEL.OPTION=VALUE", assignment);
    BELAY_TRY(use(assignment, assignment.substr(0, dot)));
  }
  return {};
}

Status apply_settings(const AuSettings& settings, std::string_view name, ModelOptions& options) {
  return for_each_setting(settings, [&](std::string_view assignment, std::string_view model) {
    return model == name ? apply_one(assignment, model, options) : Status();
  });
}

}  // namespace belay
