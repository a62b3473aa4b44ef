#include "learn/model_spec.h"

#include <errno.h>

namespace belay {
namespace {

constexpr size_t kNameBytesMax = 63;

struct Option {
  std::string_view name;
  double least, greatest;
  void (*set)(ModelOptions&, double);
};

constexpr Option kOptions[] = {
#define BELAY_OPTION(name, member, least, greatest, what)            \
  {#name, least, greatest, [](ModelOptions& options, double value) { \
     options.member = static_cast<decltype(options.member)>(value);  \
   }},
#include "learn/options.def"
};

Result<LayerRequest> parse_layer(belay_au_kind kind, int32_t code) {
  constexpr int32_t kConvolution = 0x40000000;
  if ((code & kConvolution) == 0) return LayerRequest{.width = static_cast<uint32_t>(code)};
  if (kind != AU_CNN)
    return fail(EINVAL, "layer {:#x}: AU_CONV() is for AU_CNN, and widths are below 2^30", code);
  return LayerRequest{.kind = LayerKind::kConvolution,
                      .width = static_cast<uint32_t>(code >> 16 & 0x3fff),
                      .kernel = static_cast<uint32_t>(code >> 8 & 0xff),
                      .stride = static_cast<uint32_t>(code & 0xff)};
}

}  // namespace

uint32_t ModelSpec::network_outputs() const {
  uint32_t sum = 0;
  for (const Output& output : outputs) sum += output.width();
  return sum;
}

bool is_model_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !name.empty() && name.size() <= kNameBytesMax && name[0] != '.' &&
         name.find_first_not_of(kAllowed) == name.npos;
}

Result<ModelVector<LayerRequest>> parse_layers(belay_au_kind kind, const int32_t* layers) {
  ModelVector<LayerRequest> requests;
  for (; layers != nullptr && *layers != 0; layers++) {
    if (*layers < 0) return fail(EINVAL, "a layer of {} values", *layers);
    if (requests.size() + 1 == kLayersMax)
      return fail(E2BIG, "a network has at most {} hidden layers", kLayersMax - 1);
    BELAY_ASSIGN(LayerRequest request, parse_layer(kind, *layers));
    bool behind_dense = !requests.empty() && requests.back().kind == LayerKind::kDense;
    if (request.kind == LayerKind::kConvolution && behind_dense)
      return fail(EINVAL, "convolutions come before dense layers");
    requests.push_back(request);
  }
  return requests;
}

Status set_option(ModelOptions& options, std::string_view name, double value) {
  for (const Option& option : kOptions) {
    if (option.name != name) continue;
    if (!(value >= option.least && value <= option.greatest))
      return fail(ERANGE, "{} is from {} to {}, not {}", name, option.least, option.greatest,
                  value);
    option.set(options, value);
    return {};
  }
  return fail(EINVAL, "no option '{}': learning.md lists them", name);
}

}  // namespace belay
