#include "compiler/hooks.h"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstrTypes.h>

using namespace llvm;

namespace belay {

namespace {

enum class Kind { Void, Int, Size, Ptr };

struct HookText {
  StringLiteral Name;
  Kind Result;
  StringLiteral Parameters;  // "(Ptr address, Size bytes)"
};

constexpr HookText kHooks[] = {
#define BELAY_HOOK(name, result, parameters) {"__belay_" #name, Kind::result, #parameters},
#define BELAY_VARIABLE(name, type)
#define BELAY_MARKER(name)
#include "region/hooks.def"
};

constexpr StringLiteral kMarkers[] = {
#define BELAY_HOOK(name, result, parameters)
#define BELAY_VARIABLE(name, type)
#define BELAY_MARKER(name) "belay_" #name,
#include "region/hooks.def"
};

const HookText& textOf(Hook H) { return kHooks[static_cast<size_t>(H)]; }

Type* typeOf(Module& M, Kind K) {
  switch (K) {
    case Kind::Void:
      return Type::getVoidTy(M.getContext());
    case Kind::Int:
      return Type::getInt32Ty(M.getContext());
    case Kind::Size:
      return M.getDataLayout().getIntPtrType(M.getContext());
    case Kind::Ptr:
      return PointerType::getUnqual(M.getContext());
  }
  llvm_unreachable("no such kind");
}

SmallVector<Type*, 2> parameterTypes(Module& M, StringRef Text) {
  SmallVector<Type*, 2> Types;
  SmallVector<StringRef, 2> Parameters;
  Text.trim("()").split(Parameters, ',', -1, /*KeepEmpty=*/false);
  for (StringRef Parameter : Parameters) {
    StringRef Word = Parameter.trim().split(' ').first;
    Types.push_back(typeOf(M, Word == "Ptr" ? Kind::Ptr : Word == "Size" ? Kind::Size : Kind::Int));
  }
  return Types;
}

GlobalVariable* getVariable(Module& M, StringRef Name, Kind K) {
  if (auto* Known = M.getNamedGlobal(Name)) return Known;
  return new GlobalVariable(M, typeOf(M, K), false, GlobalValue::ExternalLinkage, nullptr, Name,
                            nullptr, GlobalValue::InitialExecTLSModel);
}

const Function* calleeOf(const Instruction& I) {
  auto* Call = dyn_cast<CallBase>(&I);
  return Call ? Call->getCalledFunction() : nullptr;
}

}  // namespace

FunctionCallee getHook(Module& M, Hook H) {
  const HookText& Text = textOf(H);
  auto* Type = FunctionType::get(typeOf(M, Text.Result), parameterTypes(M, Text.Parameters), false);
  FunctionCallee Callee = M.getOrInsertFunction(Text.Name, Type);
  auto* F = cast<Function>(Callee.getCallee());
  F->addFnAttr(Attribute::NoUnwind);
  return Callee;
}

GlobalVariable* getLogTop(Module& M) { return getVariable(M, "__belay_log_top", Kind::Ptr); }
GlobalVariable* getDepth(Module& M) { return getVariable(M, "__belay_depth", Kind::Int); }

bool isHookCall(const Instruction& I, Hook H) {
  const Function* F = calleeOf(I);
  return F && F->getName() == textOf(H).Name;
}

bool isMarkerCall(const Instruction& I, Marker K) {
  const Function* F = calleeOf(I);
  return F && F->getName() == kMarkers[static_cast<size_t>(K)];
}

bool isOwnSetJmp(const CallBase& Call) {
  auto* Buffer = Call.arg_size() == 1 ? dyn_cast<CallBase>(Call.getArgOperand(0)) : nullptr;
  return Buffer && isHookCall(*Buffer, Hook::enter_rewindable);
}

bool isRuntimeFunction(const Function& F) {
  return F.getName().starts_with(kHookPrefix) || is_contained(kMarkers, F.getName());
}

Constant* getText(Module& M, StringRef Text) {
  Constant* Data = ConstantDataArray::getString(M.getContext(), Text);
  auto* Global =
      new GlobalVariable(M, Data->getType(), true, GlobalValue::PrivateLinkage, Data, "belay.text");
  Global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
  return Global;
}

}  // namespace belay
