// The module's table of clones.
#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/ModuleUtils.h>

#include "compiler/clones.h"
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

Function* makeCaller(Module& M, Hook H, StringRef Name, GlobalVariable* Table, uint64_t Count) {
  auto* Type = FunctionType::get(llvm::Type::getVoidTy(M.getContext()), false);
  Function* Caller =
      Function::createWithDefaultAttr(Type, GlobalValue::InternalLinkage, 0, Name, &M);
  Caller->addFnAttr(Attribute::NoUnwind);
  auto* Block = BasicBlock::Create(M.getContext(), "", Caller);
  auto* Size = M.getDataLayout().getIntPtrType(M.getContext());
  CallInst::Create(getHook(M, H), {Table, ConstantInt::get(Size, Count)}, "", Block);
  ReturnInst::Create(M.getContext(), Block);
  return Caller;
}

}  // namespace

void addCloneTable(Module& M, const CloneMap& Clones) {
  auto* Ptr = PointerType::getUnqual(M.getContext());
  auto* PairType = StructType::get(Ptr, Ptr);
  SmallVector<Constant*> Pairs;
  for (auto [F, Clone] : Clones)
    if (mayBePointedTo(*F)) Pairs.push_back(ConstantStruct::get(PairType, {F, Clone}));
  if (Pairs.empty()) return;
  auto* Type = ArrayType::get(PairType, Pairs.size());
  auto* Table = new GlobalVariable(M, Type, true, GlobalValue::InternalLinkage,
                                   ConstantArray::get(Type, Pairs), "belay.clones");
  // Before the program's own constructors, which may have regions; dropped after its destructors.
  constexpr int kPriority = 102;
  appendToGlobalCtors(M, makeCaller(M, Hook::add_clones, "belay.add.clones", Table, Pairs.size()),
                      kPriority);
  appendToGlobalDtors(M, makeCaller(M, Hook::drop_clones, "belay.drop.clones", Table, Pairs.size()),
                      kPriority);
}

}  // namespace belay
