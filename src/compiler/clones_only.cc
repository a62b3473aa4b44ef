#include "compiler/clones_only.h"

#include <llvm/Support/CommandLine.h>

using namespace llvm;

static cl::opt<bool> ClonesOnly(
    "belay-clones-only", cl::Hidden,
    cl::desc("Functions become declarations, and only their clones stay"));

namespace belay {

namespace {

// A copy here would stand in front of the library's own.
void forget(Function& F) {
  F.deleteBody();
  F.setComdat(nullptr);
  F.setLinkage(GlobalValue::ExternalWeakLinkage);
}

// Of explicit instantiations: tables of virtual functions, the numbers of facets. Not the tables
// that objects have while their bases are made, which libraries don't export.
bool isOfLibrary(const GlobalVariable& G) {
  if (G.hasExternalLinkage()) return !G.isDeclaration() && G.getName().starts_with("_ZTV");
  return G.hasWeakLinkage() && !G.getName().starts_with("_ZTC");
}

void forgetAliases(Module& M, CloneMap& Clones) {
  SmallVector<GlobalAlias*> Aliases;
  for (GlobalAlias& Alias : M.aliases())
    if (!Alias.getName().ends_with(kCloneSuffix)) Aliases.push_back(&Alias);
  for (GlobalAlias* Alias : Aliases) {
    auto* F = dyn_cast_or_null<Function>(Alias->getAliaseeObject());
    if (!F || !Clones.count(F)) continue;
    auto* Declared =
        Function::Create(F->getFunctionType(), GlobalValue::ExternalWeakLinkage, "", M);
    Declared->takeName(Alias);
    Alias->replaceAllUsesWith(Declared);
    Alias->eraseFromParent();
    Clones[Declared] = Clones[F];
  }
}

}  // namespace

void keepClonesOnly(Module& M, CloneMap& Clones) {
  if (!ClonesOnly) return;
  forgetAliases(M, Clones);
  Clones.remove_if([](auto& Each) {
    Function& F = *Each.first;
    if (F.hasLocalLinkage() || Each.second == &F) return false;
    // What nothing uses any more the compiler drops.
    if (F.hasLinkOnceLinkage() && !F.hasAddressTaken()) return true;
    forget(F);
    return false;
  });
  for (GlobalVariable& G : M.globals())
    if (isOfLibrary(G)) {
      G.setInitializer(nullptr);
      G.setComdat(nullptr);
      G.setLinkage(GlobalValue::ExternalLinkage);
    }
}

}  // namespace belay
