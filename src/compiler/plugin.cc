// The plugin for clang-19 -fpass-plugin=, lld --load-pass-plugin= and opt.
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Transforms/Coroutines/CoroCleanup.h>
#include <llvm/Transforms/Coroutines/CoroConditionalWrapper.h>
#include <llvm/Transforms/Coroutines/CoroEarly.h>
#include <llvm/Transforms/Coroutines/CoroSplit.h>

#include "compiler/instrument.h"
#include "compiler/lower_logs.h"
#include "compiler/mark_regions.h"
#include "compiler/redundant_logs.h"

using namespace llvm;

namespace {

// As the pipelines of all levels but -O0 do it earlier: coroutines become functions.
void splitCoroutines(ModulePassManager& MPM) {
  ModulePassManager Coroutines;
  Coroutines.addPass(CoroEarlyPass());
  CGSCCPassManager Split;
  Split.addPass(CoroSplitPass());
  Coroutines.addPass(createModuleToPostOrderCGSCCPassAdaptor(std::move(Split)));
  Coroutines.addPass(CoroCleanupPass());
  MPM.addPass(CoroConditionalWrapper(std::move(Coroutines)));
}

void addToPipelines(PassBuilder& PB) {
  PB.registerPipelineStartEPCallback(
      [](ModulePassManager& MPM, OptimizationLevel) { MPM.addPass(belay::MarkRegions()); });
  PB.registerOptimizerEarlyEPCallback([](ModulePassManager& MPM, OptimizationLevel Level) {
    if (Level == OptimizationLevel::O0) splitCoroutines(MPM);
    MPM.addPass(belay::InstrumentRegions());
  });
  PB.registerOptimizerLastEPCallback([](ModulePassManager& MPM, OptimizationLevel) {
    // Again, now that loops are unrolled and addresses simplified.
    FunctionPassManager FPM;
    FPM.addPass(belay::RemoveRedundantLogs());
    FPM.addPass(belay::LowerLogs());
    MPM.addPass(createModuleToFunctionPassAdaptor(std::move(FPM)));
  });
  // By name, for opt and the IR tests.
  PB.registerPipelineParsingCallback(
      [](StringRef Name, ModulePassManager& MPM, ArrayRef<PassBuilder::PipelineElement>) {
        if (Name == "belay-mark")
          MPM.addPass(belay::MarkRegions());
        else if (Name == "belay-instrument")
          MPM.addPass(belay::InstrumentRegions());
        else if (Name == "belay-redundant")
          MPM.addPass(createModuleToFunctionPassAdaptor(belay::RemoveRedundantLogs()));
        else if (Name == "belay-lower")
          MPM.addPass(createModuleToFunctionPassAdaptor(belay::LowerLogs()));
        else
          return false;
        return true;
      });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "belay", "0.1", addToPipelines};
}
