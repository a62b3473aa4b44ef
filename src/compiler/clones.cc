#include "compiler/clones.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/IR/AttributeMask.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include "compiler/hooks.h"
#include "compiler/keep.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumClones, "Functions cloned");

namespace belay {

namespace {

bool isOfStartup(const Function& F) { return F.getSection().starts_with(".text.startup"); }

bool needsClone(const Function& F) {
  if (F.isDeclaration() || isRuntimeFunction(F) || F.getName().ends_with(kCloneSuffix))
    return false;
  if (F.hasFnAttribute(Attribute::Naked)) return false;  // fails closed: it has no clone
  // Initialisers of the module run before anything can be in a region, but for those of
  // thread-local variables, which run at a thread's first use of one.
  return !isOfStartup(F) || any_of(F.users(), [](const User* Each) {
    auto* Call = dyn_cast<CallBase>(Each);
    return Call && !isOfStartup(*Call->getFunction());
  });
}

// In a group of its own, so that it may come from another object than the function itself; one that
// constructors share with their aliases stays one.
void putIntoComdat(Function& Clone, const Function& F) {
  if (!F.hasComdat() && F.getLinkage() != GlobalValue::LinkOnceODRLinkage) return;
  StringRef Group = F.hasComdat() ? F.getComdat()->getName() : F.getName();
  Clone.setComdat(Clone.hasLocalLinkage()
                      ? nullptr
                      : Clone.getParent()->getOrInsertComdat((Group + kCloneSuffix).str()));
}

Function* makeClone(Function& F) {
  ValueToValueMapTy Map;
  Function* Clone = CloneFunction(&F, Map);
  Clone->setName(F.getName() + kCloneSuffix);
  // A body that is only there to be inlined is as good as any for the clone, which nobody else may
  // have.
  if (F.hasAvailableExternallyLinkage()) Clone->setLinkage(GlobalValue::LinkOnceODRLinkage);
  Clone->setVisibility(F.getVisibility());
  Clone->setDSOLocal(F.isDSOLocal());
  putIntoComdat(*Clone, F);
  if (F.hasAvailableExternallyLinkage())
    Clone->setComdat(F.getParent()->getOrInsertComdat(Clone->getName()));
  dropPromises(*Clone);
  ++NumClones;
  return Clone;
}

// A declaration of NAME.ckpt that calls of this module made gives way to its definition.
void takeName(GlobalValue& Made, StringRef Name) {
  GlobalValue* Known = Made.getParent()->getNamedValue(Name);
  if (Known && Known != &Made) {
    Made.takeName(Known);
    Known->replaceAllUsesWith(&Made);
    Known->eraseFromParent();
  }
}

void addAlias(GlobalValue::LinkageTypes Linkage, const GlobalValue& Like, StringRef Name,
              Function& Clone) {
  auto* Alias =
      GlobalAlias::create(Clone.getValueType(), 0, Linkage, Name, &Clone, Clone.getParent());
  Alias->setVisibility(Like.getVisibility());
  Alias->setDSOLocal(Like.isDSOLocal());
  takeName(*Alias, Name);
}

}  // namespace

CloneMap makeClones(Module& M) {
  SmallVector<Function*> Functions;
  for (Function& F : M)
    if (needsClone(F)) Functions.push_back(&F);
  CloneMap Clones;
  for (Function* F : Functions) {
    if (isKept(*F)) {  // what it writes stays, in regions too
      Clones[F] = F;
      if (!F->hasLocalLinkage() && !F->hasAvailableExternallyLinkage())
        addAlias(F->getLinkage(), *F, (F->getName() + kCloneSuffix).str(), *F);
      continue;
    }
    Clones[F] = makeClone(*F);
  }
  // Complete constructors that are aliases of base constructors, and what users alias.
  SmallVector<GlobalAlias*> Aliases;
  for (GlobalAlias& Alias : M.aliases()) Aliases.push_back(&Alias);
  for (GlobalAlias* Alias : Aliases) {
    auto* F = dyn_cast_or_null<Function>(Alias->getAliaseeObject());
    if (F && Clones.count(F) && !Alias->getName().ends_with(kCloneSuffix))
      addAlias(Alias->getLinkage(), *Alias, (Alias->getName() + kCloneSuffix).str(), *Clones[F]);
  }
  return Clones;
}

GlobalValue* cloneElsewhere(GlobalValue& F, FunctionType* Type) {
  Module& M = *F.getParent();
  std::string Name = (F.getName() + kCloneSuffix).str();
  if (GlobalValue* Known = M.getNamedValue(Name)) return Known;
  return Function::Create(Type, GlobalValue::ExternalWeakLinkage, Name, M);
}

void dropPromises(Function& F) {
  F.setMemoryEffects(MemoryEffects::unknown());
  F.removeFnAttr(Attribute::WillReturn);
  for (Argument& A : F.args())
    A.removeAttrs(AttributeMask()
                      .addAttribute(Attribute::NoCapture)
                      .addAttribute(Attribute::ReadNone)
                      .addAttribute(Attribute::ReadOnly)
                      .addAttribute(Attribute::WriteOnly));
}

void dropPromises(CallBase& Call) {
  Call.removeFnAttr(Attribute::Memory);
  Call.removeFnAttr(Attribute::WillReturn);
  Call.removeFnAttr(Attribute::Builtin);
  for (unsigned I = 0; I < Call.arg_size(); ++I)
    for (auto Kind :
         {Attribute::NoCapture, Attribute::ReadNone, Attribute::ReadOnly, Attribute::WriteOnly})
      Call.removeParamAttr(I, Kind);
}

}  // namespace belay
