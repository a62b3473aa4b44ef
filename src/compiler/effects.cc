#include "compiler/effects.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/ADT/StringSwitch.h>

using namespace llvm;

namespace belay {

Effects effectsOf(StringRef Symbol) {
  // Data, which compiles ten times as fast as a map made of an initialiser list.
  static constexpr struct {
    const char* Name;
    Effects Of;
  } Listed[] = {
#define BELAY_PURE(name) {#name, Effects::Pure},
#define BELAY_WRAPPED(name) {#name, Effects::Wrapped},
#include "region/effects.def"
#define BELAY_PURE(name) {#name, Effects::Pure},
#define BELAY_KEPT(name) {#name, Effects::Kept},
#define BELAY_WRAPPED(name) {#name, Effects::Wrapped},
#include "region/effects_libstdcxx.def"
  };
  static const StringMap<Effects> Known = [] {
    StringMap<Effects> Map;
    for (const auto& Each : Listed) Map.insert({Each.Name, Each.Of});
    return Map;
  }();
  // What -fsanitize= calls reports, and may end the program.
  if (Symbol.starts_with("__ubsan_handle_")) return Effects::Pure;
  auto Found = Known.find(Symbol);
  return Found == Known.end() ? Effects::Unknown : Found->second;
}

bool isAllocator(StringRef Symbol) {
  return StringSwitch<bool>(Symbol)
      .Cases("malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "memalign", true)
      .Cases("strdup", "strndup", true)
      .StartsWith("_Znwm", true)
      .StartsWith("_Znam", true)
      .Default(false);
}

bool isSetJmp(StringRef Symbol) {
  return StringSwitch<bool>(Symbol)
      .Cases("setjmp", "_setjmp", "sigsetjmp", "__sigsetjmp", true)
      .Default(false);
}

}  // namespace belay
