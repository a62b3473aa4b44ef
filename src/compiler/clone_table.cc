// The module's table of clones.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/ModuleUtils.h>

#include "compiler/clones.h"
#include "compiler/effects.h"
#include "compiler/hooks.h"

using namespace llvm;

namespace belay {

namespace {

// Those whose address some other object may take, or this one does. Functions of C++ headers are in
// the tables of those objects that take their addresses.
bool mayBePointedTo(const Function& F) {
  if (F.hasAvailableExternallyLinkage()) return false;
  if (F.hasLocalLinkage() || F.hasLinkOnceODRLinkage()) return F.hasAddressTaken();
  return true;
}

// In an executable that is not position-independent, a pointer to another object's function points
// to a stub in the executable, which that object may not know.
bool mayBeStub(const Function& F) {
  const Module& M = *F.getParent();
  if (!F.isDeclaration() || F.isIntrinsic() || isRuntimeFunction(F)) return false;
  if (M.getPICLevel() != PICLevel::NotPIC || M.getPIELevel() != PIELevel::Default) return false;
  if (F.getName().ends_with(kCloneSuffix) || effectsOf(F.getName()) != Effects::Unknown)
    return false;
  return any_of(F.uses(), [](const Use& U) {
    auto* Call = dyn_cast<CallBase>(U.getUser());
    return !isa<Function>(U.getUser()) && !(Call && Call->isCallee(&U));
  });
}

using Arguments = SmallVector<Value*, 2>;

// An internal function that calls the hook with each of Calls.
Function* makeCaller(Module& M, Hook H, const Twine& Name, ArrayRef<Arguments> Calls) {
  auto* Type = FunctionType::get(llvm::Type::getVoidTy(M.getContext()), false);
  Function* Caller =
      Function::createWithDefaultAttr(Type, GlobalValue::InternalLinkage, 0, Name, &M);
  Caller->addFnAttr(Attribute::NoUnwind);
  auto* Block = BasicBlock::Create(M.getContext(), "", Caller);
  for (const Arguments& Each : Calls) CallInst::Create(getHook(M, H), Each, "", Block);
  ReturnInst::Create(M.getContext(), Block);
  return Caller;
}

// Before the program's own constructors, which may have regions; dropped after its destructors.
// What ifuncs are dispatched to is known when they are added.
constexpr int kClonesPriority = 102;
constexpr int kDispatchedPriority = 103;

void addTable(Module& M, ArrayRef<Constant*> Pairs) {
  if (Pairs.empty()) return;
  auto* Type = ArrayType::get(Pairs.front()->getType(), Pairs.size());
  auto* Table = new GlobalVariable(M, Type, true, GlobalValue::InternalLinkage,
                                   ConstantArray::get(Type, Pairs), "belay.clones");
  // Not in .rodata: the loader may have to fill in a function of another object.
  Table->setSection(".data.rel.ro.belay_clones");
  auto* Size = ConstantInt::get(M.getDataLayout().getIntPtrType(M.getContext()), Pairs.size());
  Function* Add = makeCaller(M, Hook::add_clones, "belay.add.clones", {{Table, Size}});
  Function* Drop = makeCaller(M, Hook::drop_clones, "belay.drop.clones", {{Table, Size}});
  appendToGlobalCtors(M, Add, kClonesPriority);
  appendToGlobalDtors(M, Drop, kClonesPriority);
}

// Not as a table: the LTO link of LLVM 19 crashes on data with addresses of ifuncs.
void addDispatched(Module& M) {
  if (M.ifunc_empty()) return;
  SmallVector<Arguments> Calls;
  for (GlobalIFunc& F : M.ifuncs()) Calls.push_back({&F, F.getResolver()});
  Function* Add = makeCaller(M, Hook::add_dispatched, "belay.add.dispatched", Calls);
  Function* Drop = makeCaller(M, Hook::drop_dispatched, "belay.drop.dispatched", Calls);
  appendToGlobalCtors(M, Add, kDispatchedPriority);
  appendToGlobalDtors(M, Drop, kDispatchedPriority);
}

}  // namespace

void addCloneTable(Module& M, const CloneMap& Clones) {
  auto* Ptr = PointerType::getUnqual(M.getContext());
  auto* PairType = StructType::get(Ptr, Ptr);
  SmallVector<Constant*> Pairs;
  for (auto [F, Clone] : Clones)
    if (mayBePointedTo(*F)) Pairs.push_back(ConstantStruct::get(PairType, {F, Clone}));
  SmallVector<Function*> Stubs;
  for (Function& F : M)
    if (mayBeStub(F)) Stubs.push_back(&F);
  for (Function* F : Stubs)
    Pairs.push_back(ConstantStruct::get(PairType, {F, cloneElsewhere(*F, F->getFunctionType())}));
  addTable(M, Pairs);
  addDispatched(M);
}

}  // namespace belay
