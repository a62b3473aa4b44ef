#include "compiler/hide_memory.h"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/Transforms/Utils/ModuleUtils.h>

#include "compiler/effects.h"

using namespace llvm;

namespace belay {

namespace {

constexpr StringLiteral kHidden = "belay.hidden.";
constexpr StringLiteral kSeen = "belay.seen";  // metadata with the static variables

// By symbol, as TargetLibraryInfo knows them; with what releases them, since stores before that are
// dead to it.
bool isHeapFunction(const Function& F) {
  StringRef Name = F.getName();
  return F.isDeclaration() && (isAllocator(Name) || Name == "free" || Name.starts_with("_ZdlPv") ||
                               Name.starts_with("_ZdaPv"));
}

void forgetFresh(Function& F) {
  F.removeRetAttr(Attribute::NoAlias);
  F.removeFnAttr(Attribute::AllocKind);
  for (Instruction& I : instructions(F)) {
    if (auto* Call = dyn_cast<CallBase>(&I)) {
      Call->removeRetAttr(Attribute::NoAlias);
      Call->removeFnAttr(Attribute::Builtin);
      Call->removeFnAttr(Attribute::AllocKind);
    }
  }
}

}  // namespace

void hideMemory(Module& M) {
  for (Function& F : M) {
    forgetFresh(F);
    if (isHeapFunction(F)) F.setName(kHidden + F.getName());
  }
  SmallVector<GlobalValue*> Statics;
  NamedMDNode* Seen = M.getOrInsertNamedMetadata(kSeen);
  for (GlobalVariable& V : M.globals()) {
    if (!V.hasLocalLinkage() || V.isConstant() || V.getName().starts_with("llvm.")) continue;
    Statics.push_back(&V);
    Seen->addOperand(MDNode::get(M.getContext(), ConstantAsMetadata::get(&V)));
  }
  appendToCompilerUsed(M, Statics);
}

void unhideMemory(Module& M) {
  for (Function& F : M)
    if (F.getName().starts_with(kHidden)) F.setName(F.getName().drop_front(kHidden.size()).str());
  NamedMDNode* Seen = M.getNamedMetadata(kSeen);
  if (!Seen) return;
  SmallPtrSet<Constant*, 16> Statics;
  for (MDNode* Node : Seen->operands())
    if (auto* Value = dyn_cast_or_null<ConstantAsMetadata>(Node->getOperand(0).get()))
      Statics.insert(Value->getValue());
  removeFromUsedLists(M, [&](Constant* C) { return Statics.contains(C); });
  Seen->eraseFromParent();
}

}  // namespace belay
