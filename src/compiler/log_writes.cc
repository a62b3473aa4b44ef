#include "compiler/log_writes.h"

#include <llvm/ADT/Statistic.h>
#include <llvm/ADT/StringSwitch.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Demangle/Demangle.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Transforms/Utils/ModuleUtils.h>

#include "compiler/depth.h"
#include "compiler/effects.h"
#include "compiler/hooks.h"
#include "region/mutant.h"

#define DEBUG_TYPE "belay"

using namespace llvm;

STATISTIC(NumLogged, "Writes logged");
STATISTIC(NumBorn, "Writes not logged: memory born in the region");

static cl::opt<bool> NoBorn("belay-no-born", cl::Hidden,
                            cl::desc("Log writes to memory allocated by the same function too"));

static cl::opt<bool> Shadow("belay-shadow", cl::Hidden,
                            cl::desc("Log every write naively as well; compare at rollbacks"));

enum class Buffer { Array, Hash };
static cl::opt<Buffer> BufferKind(
    "belay-buffer", cl::Hidden, cl::init(Buffer::Array), cl::desc("What the log keeps"),
    cl::values(clEnumValN(Buffer::Array, "array", "every old value, in order"),
               clEnumValN(Buffer::Hash, "hash", "the first old value of each address")));

namespace belay {

void shadowRegions(Module& M) {
  if (!Shadow) return;
  auto* TurnOn = cast<Function>(getHook(M, Hook::shadow_on).getCallee());
  constexpr int kPriority = 101;  // before any region
  appendToGlobalCtors(M, TurnOn, kPriority);
}

WriteLogger::WriteLogger(Function& F)
    : F(F), M(*F.getParent()), Layout(M.getDataLayout()), HasMarkers(hasMarkers(F)) {
  for (Instruction& I : instructions(F))
    if (isHookCall(I, Hook::pin)) Pinned.insert(cast<CallBase>(I).getArgOperand(0));
}

bool WriteLogger::isBorn(const Value* Address) const {
  SmallVector<const Value*> Objects;
  getUnderlyingObjects(Address, Objects);
  return all_of(Objects, [&](const Value* Object) {
    if (Pinned.contains(Object) && !BELAY_MUTANT(pinned_not_logged)) return false;
    if (isa<GlobalVariable>(Object) && BELAY_MUTANT(globals_are_born)) return true;
    if (isa<AllocaInst>(Object)) return true;
    // Between an allocation and a store of one function, only whole regions begin and end: unless
    // the function has markers itself.
    auto* Call = dyn_cast<CallBase>(Object);
    const Function* Callee = Call ? Call->getCalledFunction() : nullptr;
    if (!Callee || (HasMarkers && !BELAY_MUTANT(born_before_region)) || NoBorn) return false;
    StringRef Name = Callee->getName();
    Name.consume_back(".ckpt");
    return isAllocator(Name);
  });
}

// The variables of a function are dead once it has returned, and those of the markers' function
// have their shadows: what the program prints tells whether they are right.
bool WriteLogger::isOwnLocal(const Value* Address) const {
  SmallVector<const Value*> Objects;
  getUnderlyingObjects(Address, Objects);
  return all_of(Objects, [&](const Value* Object) {
    return isa<AllocaInst>(Object) && !Pinned.contains(Object);
  });
}

// Before everything that decides what the other log leaves out.
void WriteLogger::logNaively(IRBuilder<>& B, Value* Address, Value* Bytes) {
  if (isOwnLocal(Address) || Address->getType()->getPointerAddressSpace() != 0) return;
  if (!Writer) {
    StringRef Name = F.getName();
    Name.consume_back(".ckpt");
    Writer = getText(M, demangle(Name));
  }
  FunctionCallee Note = getHook(M, Hook::shadow_write);
  // What it does not touch the optimiser need not fear for.
  cast<Function>(Note.getCallee())
      ->setMemoryEffects(MemoryEffects::argMemOnly(ModRefInfo::Ref) |
                         MemoryEffects::inaccessibleMemOnly());
  Value* Size = B.CreateZExtOrTrunc(Bytes, Layout.getIntPtrType(M.getContext()));
  B.CreateCall(Note, {Address, Size, Writer});
}

void WriteLogger::logRange(Instruction& Before, Value* Address, uint64_t Bytes, Where W) {
  logRange(Before, Address, ConstantInt::get(Layout.getIntPtrType(M.getContext()), Bytes), W);
}

void WriteLogger::logRange(Instruction& Before, Value* Address, Value* Bytes, Where W) {
  if (Shadow) {
    IRBuilder<> B(&Before);
    logNaively(B, Address, Bytes);
  }
  if (auto* Fixed = dyn_cast<ConstantInt>(Bytes); Fixed && BELAY_MUTANT(bytes_not_logged))
    if (Fixed->isOne()) return;
  if (isa<AnyMemIntrinsic>(Before) && BELAY_MUTANT(copies_not_logged)) return;
  if (isBorn(Address)) {
    ++NumBorn;
    return;
  }
  ++NumLogged;
  IRBuilder<> B(&Before);
  // Another address space than the default one has no place in the log.
  if (Address->getType()->getPointerAddressSpace() != 0)
    return refuse(Before, "a store to another address space", W);
  auto* Fixed = dyn_cast<ConstantInt>(Bytes);
  uint64_t N = Fixed ? Fixed->getZExtValue() : 0;
  if (N == 8 && BELAY_MUTANT(width_halved)) N = 4;
  if (isa<StoreInst>(Before) && BELAY_MUTANT(logged_too_late))
    B.SetInsertPoint(Before.getNextNode());
  if (W == Where::Inside && BufferKind == Buffer::Array) {
    for (auto [Width, H] : {std::pair(1, Hook::log_1), std::pair(2, Hook::log_2),
                            std::pair(4, Hook::log_4), std::pair(8, Hook::log_8)})
      if (N == static_cast<uint64_t>(Width)) {
        B.CreateCall(getHook(M, H), Address);
        return;
      }
  }
  Hook H = W == Where::Maybe            ? Hook::log_checked
           : BufferKind == Buffer::Hash ? Hook::log_first
                                        : Hook::log_bytes;
  Value* Size = B.CreateZExtOrTrunc(Bytes, Layout.getIntPtrType(M.getContext()));
  if (isa<AnyMemIntrinsic>(Before) && BELAY_MUTANT(copies_halved)) Size = B.CreateLShr(Size, 1);
  B.CreateCall(getHook(M, H), {Address, Size});
}

void WriteLogger::refuse(Instruction& I, const Twine& What, Where W) {
  IRBuilder<> B(&I);
  // In code that is not always in a region, the runtime decides.
  (void)W;
  B.CreateCall(getHook(M, Hook::unknown_code), getText(M, What.str()));
}

constexpr uint64_t kVaListBytesMax = 32;  // AArch64's, the longest

bool WriteLogger::log(Instruction& I, Where W) {
  if (auto* Store = dyn_cast<StoreInst>(&I)) {
    TypeSize Bytes = Layout.getTypeStoreSize(Store->getValueOperand()->getType());
    if (Bytes.isScalable())
      refuse(I, "a store of scalable vectors", W);
    else
      logRange(I, Store->getPointerOperand(), Bytes.getFixedValue(), W);
    return true;
  }
  if (auto* Modify = dyn_cast<AtomicRMWInst>(&I)) {
    if (BELAY_MUTANT(atomics_not_logged)) return true;
    logRange(I, Modify->getPointerOperand(), Layout.getTypeStoreSize(Modify->getType()), W);
    return true;
  }
  if (auto* Exchange = dyn_cast<AtomicCmpXchgInst>(&I)) {
    logRange(I, Exchange->getPointerOperand(),
             Layout.getTypeStoreSize(Exchange->getNewValOperand()->getType()), W);
    return true;
  }
  if (auto* Next = dyn_cast<VAArgInst>(&I)) {
    logRange(I, Next->getPointerOperand(), kVaListBytesMax, W);
    return true;
  }
  if (auto* Intrinsic = dyn_cast<IntrinsicInst>(&I)) return logIntrinsic(*Intrinsic, W);
  if (auto* Call = dyn_cast<CallBase>(&I); Call && Call->isInlineAsm()) {
    logAsm(*Call, W);
    return true;
  }
  return false;
}

// What of the architectures' intrinsics writes no memory, though its declaration does not say so:
// clocks, random numbers, hints, fences.
static bool writesRegistersOnly(StringRef Name) {
  return StringSwitch<bool>(Name)
      .Cases("llvm.x86.rdtsc", "llvm.x86.rdtscp", "llvm.x86.rdpmc", "llvm.x86.rdpid", true)
      .StartsWith("llvm.x86.rdrand.", true)
      .StartsWith("llvm.x86.rdseed.", true)
      .Cases("llvm.x86.sse2.pause", "llvm.x86.sse.sfence", "llvm.x86.sse2.lfence",
             "llvm.x86.sse2.mfence", true)
      .Cases("llvm.x86.sse2.clflush", "llvm.x86.clflushopt", "llvm.x86.clwb",
             "llvm.x86.sse.ldmxcsr", true)
      .Cases("llvm.x86.avx.vzeroupper", "llvm.x86.avx.vzeroall", "llvm.x86.mmx.emms",
             "llvm.x86.xgetbv", "llvm.x86.serialize", true)
      .Cases("llvm.aarch64.hint", "llvm.aarch64.isb", "llvm.aarch64.dmb", "llvm.aarch64.dsb", true)
      .Cases("llvm.aarch64.rndr", "llvm.aarch64.rndrrs", true)
      .Default(false);
}

bool WriteLogger::logIntrinsic(IntrinsicInst& I, Where W) {
  if (auto* Memory = dyn_cast<AnyMemIntrinsic>(&I)) {
    logRange(I, Memory->getRawDest(), Memory->getLength(), W);
    return true;
  }
  IRBuilder<> B(&I);
  if (auto Write = maskedWrite(B, I)) {
    logMasked(I, *Write);
    return true;
  }
  switch (I.getIntrinsicID()) {
    case Intrinsic::masked_compressstore:
      logCompressed(I, W);
      return true;
    case Intrinsic::vastart:
    case Intrinsic::vacopy: {
      if (!isBorn(I.getArgOperand(0))) logRange(I, I.getArgOperand(0), kVaListBytesMax, W);
      return true;
    }
    case Intrinsic::vaend:
    case Intrinsic::lifetime_start:
    case Intrinsic::lifetime_end:
    case Intrinsic::invariant_start:
    case Intrinsic::invariant_end:
    case Intrinsic::launder_invariant_group:
    case Intrinsic::prefetch:
    case Intrinsic::stackrestore:
    case Intrinsic::stacksave:
    case Intrinsic::trap:
    case Intrinsic::debugtrap:
    case Intrinsic::ubsantrap:
    case Intrinsic::donothing:
    case Intrinsic::readcyclecounter:
    case Intrinsic::readsteadycounter:
      return true;
    default:
      break;
  }
  if (I.onlyReadsMemory() || I.onlyAccessesInaccessibleMemory()) return true;
  StringRef Name = I.getCalledFunction()->getName();
  if (writesRegistersOnly(Name)) return true;
  if (Name == "llvm.x86.sse.stmxcsr")
    logRange(I, I.getArgOperand(0), sizeof(uint32_t), W);
  else
    refuse(I, "the intrinsic " + Name, W);
  return true;
}

// Lane by lane, since the others may lie on pages that are not there.
void WriteLogger::logMasked(IntrinsicInst& I, const MaskedWrite& Write) {
  IRBuilder<> B(&I);
  uint64_t Bytes = Layout.getTypeStoreSize(Write.Element);
  Type* Size = Layout.getIntPtrType(M.getContext());
  for (unsigned Lane = 0; Lane < Write.Lanes; ++Lane) {
    Value* At = Write.Address->getType()->isVectorTy()
                    ? B.CreateExtractElement(Write.Address, Lane)
                    : B.CreateConstGEP1_64(Write.Element, Write.Address, Lane);
    Value* On = B.CreateZExt(B.CreateExtractElement(Write.Mask, Lane), B.getInt32Ty());
    if (Shadow)
      logNaively(B, At, B.CreateMul(B.CreateZExt(On, Size), ConstantInt::get(Size, Bytes)));
    B.CreateCall(getHook(M, Hook::log_if), {At, ConstantInt::get(Size, Bytes), On});
  }
}

// As many elements as the mask has bits, one behind the other.
void WriteLogger::logCompressed(IntrinsicInst& I, Where W) {
  auto* Vector = dyn_cast<FixedVectorType>(I.getArgOperand(0)->getType());
  if (!Vector) return refuse(I, "a compressed vector store", W);
  IRBuilder<> B(&I);
  Type* Size = Layout.getIntPtrType(M.getContext());
  Value* Bits = B.CreateZExt(I.getArgOperand(2), VectorType::get(Size, Vector->getElementCount()));
  uint64_t Bytes = Layout.getTypeStoreSize(Vector->getElementType());
  logRange(I, I.getArgOperand(1),
           B.CreateMul(B.CreateAddReduce(Bits), ConstantInt::get(Size, Bytes)), W);
}

// Outputs in memory are logged; a memory clobber may be any write, unless there is no instruction.
void WriteLogger::logAsm(CallBase& Call, Where W) {
  auto* Asm = cast<InlineAsm>(Call.getCalledOperand());
  if (Asm->getAsmString().empty() || Call.onlyReadsMemory()) return;
  bool ClobbersMemory = false;
  unsigned Argument = 0;
  for (const InlineAsm::ConstraintInfo& Each : Asm->ParseConstraints()) {
    bool TakesArgument = Each.Type == InlineAsm::isInput || Each.isIndirect;
    if (Each.Type == InlineAsm::isClobber && is_contained(Each.Codes, "{memory}"))
      ClobbersMemory = true;
    if (Each.Type == InlineAsm::isOutput && Each.isIndirect)
      logRange(Call, Call.getArgOperand(Argument),
               Layout.getTypeStoreSize(Call.getParamElementType(Argument)), W);
    Argument += TakesArgument;
  }
  if (ClobbersMemory) refuse(Call, "inline assembly that clobbers memory", W);
}

}  // namespace belay
