#include "compiler/keep.h"

#include <llvm/IR/Constants.h>

#include "compiler/effects.h"

using namespace llvm;

namespace belay {

namespace {

constexpr StringLiteral kAnnotation = "belay_keep";  // what BELAY_KEEP annotates
constexpr StringLiteral kAttribute = "belay-keep";

bool saysKeep(const Constant* Text) {
  auto* Variable = dyn_cast<GlobalVariable>(Text->stripPointerCasts());
  auto* Data = Variable && Variable->hasInitializer()
                   ? dyn_cast<ConstantDataArray>(Variable->getInitializer())
                   : nullptr;
  return Data && Data->isCString() && Data->getAsCString() == kAnnotation;
}

void keepOutOfLine(Function& F) {
  F.addFnAttr(kAttribute);
  F.removeFnAttr(Attribute::AlwaysInline);
  F.addFnAttr(Attribute::NoInline);
}

}  // namespace

void keepOutOfLine(Module& M) {
  for (Function& F : M)
    if (!F.isDeclaration() && effectsOf(F.getName()) == Effects::Kept) keepOutOfLine(F);
  auto* Annotations = M.getNamedGlobal("llvm.global.annotations");
  if (!Annotations || !Annotations->hasInitializer()) return;
  for (const Use& Each : Annotations->getInitializer()->operands()) {
    auto* Fields = dyn_cast<ConstantStruct>(Each);
    if (!Fields || !saysKeep(Fields->getOperand(1))) continue;
    auto* F = dyn_cast<Function>(Fields->getOperand(0)->stripPointerCasts());
    if (F) keepOutOfLine(*F);
  }
}

bool isKept(const Function& F) { return F.hasFnAttribute(kAttribute); }

}  // namespace belay
