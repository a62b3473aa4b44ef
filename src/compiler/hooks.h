// Declarations of the runtime's hooks and markers in a module (region/hooks.def).
#pragma once

#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>

namespace belay {

// Belay's prefix in symbols of the runtime that the plugin's code calls.
constexpr llvm::StringLiteral kHookPrefix = "__belay_";

enum class Hook {
#define BELAY_HOOK(name, result, parameters) name,
#define BELAY_VARIABLE(name, type)
#define BELAY_MARKER(name)
#include "region/hooks.def"
};

enum class Marker {
#define BELAY_HOOK(name, result, parameters)
#define BELAY_VARIABLE(name, type)
#define BELAY_MARKER(name) name,
#include "region/hooks.def"
};

llvm::FunctionCallee getHook(llvm::Module& M, Hook H);
llvm::GlobalVariable* getLogTop(llvm::Module& M);
llvm::GlobalVariable* getDepth(llvm::Module& M);

// Whether I calls this hook, or marker.
bool isHookCall(const llvm::Instruction& I, Hook H);
bool isMarkerCall(const llvm::Instruction& I, Marker K);

// Whether Call is the setjmp of a region, whose buffer is the runtime's.
bool isOwnSetJmp(const llvm::CallBase& Call);

// Whether F is the runtime's own: called as it is, in regions too.
bool isRuntimeFunction(const llvm::Function& F);

// A private constant string, for diagnostics at run time.
llvm::Constant* getText(llvm::Module& M, llvm::StringRef Text);

}  // namespace belay
