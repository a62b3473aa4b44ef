#include "region/exceptions.h"

#include <malloc.h>

#include "region/heap_blocks.h"
#include "region/log.h"
#include "region/undo.h"

using ExceptionDestructor = void (*)(void*);

// Weak: a C program has no C++ library.
extern "C" {
#define BELAY_WEAK __attribute__((weak))
BELAY_WEAK void** __cxa_get_globals();
BELAY_WEAK void __cxa_end_catch();
BELAY_WEAK void __cxa_free_exception(void*);
BELAY_WEAK void _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv(void*);
BELAY_WEAK void _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(void*);
#undef BELAY_WEAK
}

namespace {

// __cxa_refcounted_exception of libstdc++'s unwind-cxx.h, before the object: the same on all LP64
// machines since GCC 4.5.
int& refs_of(void* object) { return *reinterpret_cast<int*>(static_cast<char*>(object) - 128); }
ExceptionDestructor& destructor_of(void* object) {
  return *reinterpret_cast<ExceptionDestructor*>(static_cast<char*>(object) - 104);
}
void give_up(void* object) {
  _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv(&object);  // an exception_ptr is its pointer
}

}  // namespace

namespace belay::region {

namespace {

Exception* find_exception(void* object) {
  auto& all = this_thread.exceptions;
  for (size_t i = all.size(); i-- > 0;)
    if (all[i].object == object) return &all[i];
  return nullptr;
}

// How many references the region has given up that are counted still.
int deferred_refs(void* object) {
  int count = 0;
  for (const ExceptionRef& ref : this_thread.exception_refs)
    count += ref.object == object && ref.is_given_up();
  return count;
}

std::byte* log_top() { return static_cast<std::byte*>(__belay_log_top); }

// The destructor as the program wants it now; it does not run again unless that is undone.
void destroy_in_region(void* object) {
  if (Exception* known = find_exception(object)) known->state = Exception::kDead;
  ExceptionDestructor destroy = destructor_of(object);
  if (destroy == nullptr) return;
  log_bytes(&destructor_of(object), sizeof destroy);
  destructor_of(object) = nullptr;
  auto* code = reinterpret_cast<void*>(destroy);
  reinterpret_cast<ExceptionDestructor>(__belay_resolve(code, nullptr))(object);
}

// Whether nobody has it once the references are back that the region took or gave up.
bool ends_with(const Region& region, void* object) {
  auto& refs = this_thread.exception_refs;
  int left = refs_of(object);
  for (size_t i = region.exception_refs; i < refs.size(); i++)
    left -= refs[i].object == object &&
            (refs[i].kind == ExceptionRef::kAdded || refs[i].kind == ExceptionRef::kHandler);
  return left <= 0;
}

// A reference that the undone region took or gave up. What a pointer gave up it had taken in the
// region, or it has it again.
void settle(const ExceptionRef& ref, const Region& region) {
  if (ref.kind == ExceptionRef::kPointer || ref.kind == ExceptionRef::kRethrown) return;
  auto& all = this_thread.exceptions;
  for (size_t i = region.exceptions; i < all.size(); i++) {
    if (all[i].object != ref.object) continue;
    // What it would destroy has never been.
    if (all[i].state == Exception::kDead) destructor_of(ref.object) = nullptr;
    return give_up(ref.object);
  }
  if (ref.kind == ExceptionRef::kAdded) return give_up(ref.object);
  // Of before the region; its handler has ended for good.
  if (Exception* known = find_exception(ref.object)) known->state = Exception::kThrown;
  drop_exception_ref(ref.object, ref.kind);
}

}  // namespace

void note_exception(void* object, size_t bytes) {
  if (!in_region()) return;
  auto& thread = this_thread;
  thread.exceptions.push({object, bytes, thread.births.size(), thread.births.size(), log_top(),
                          log_top(), Exception::kMaking});
}

// Blocks that were allocated while the exception was made are taken for its own. One that is not
// leaks if the region is rolled back; the other error would be a dangling pointer.
void note_throw(void* object) {
  Exception* known = find_exception(object);
  if (known == nullptr || known->state != Exception::kMaking) return;
  known->births_end = this_thread.births.size();
  known->log_end = log_top();
  known->state = Exception::kThrown;
  // Later writes are logged again, for the log of what came before is not put back.
  this_thread.hash_epoch = ++this_thread.hash_epoch_last;
}

// Its memory stays until the log has forgotten it.
void note_unthrown(void* object) {
  Exception* known = in_region() ? find_exception(object) : nullptr;
  if (known == nullptr) return __cxa_free_exception(object);
  known->state = Exception::kDead;
  died(object, Release::kException);
}

// A std::exception_ptr may be given one that was never thrown: make_exception_ptr.
void add_exception_ref(void* object) {
  note_throw(object);
  if (object != nullptr && in_region())
    this_thread.exception_refs.push({object, ExceptionRef::kAdded});
}

void drop_exception_ref(void* object, ExceptionRef::Kind kind) {
  if (object == nullptr) return;
  if (!in_region()) return give_up(object);
  int refs = refs_of(object);
  if (refs == 1 || refs - deferred_refs(object) == 1) destroy_in_region(object);
  this_thread.exception_refs.push({object, kind});
}

void note_rethrow(void* object) {
  if (object != nullptr && in_region())
    this_thread.exception_refs.push({object, ExceptionRef::kRethrown});
}

// A handler that the innermost region has begun ends with nothing to remember: the reference that
// is still counted for it counts as one that a pointer has taken and given up.
ExceptionRef::Kind handler_kind(void* object) {
  Thread& thread = this_thread;
  auto& refs = thread.exception_refs;
  for (size_t i = refs.size(); i-- > thread.regions.back().exception_refs;) {
    if (refs[i].object != object || refs[i].kind != ExceptionRef::kRethrown) continue;
    refs[i].kind = ExceptionRef::kAdded;
    return ExceptionRef::kPointer;
  }
  return ExceptionRef::kHandler;
}

void end_handler() {
  void* object = nullptr;
  if (in_region()) {
    ExceptionPtr current = current_exception();
    object = current.object;
  }
  if (object == nullptr) return __cxa_end_catch();
  int refs = refs_of(object);
  __cxa_end_catch();
  // A handler that throws it on has not given up its reference.
  if (refs_of(object) == refs) return give_up(object);
  drop_exception_ref(object, handler_kind(object));
}

void* innermost_handler() {
  // The Itanium C++ ABI, 2.2.2: __cxa_eh_globals begins with caughtExceptions.
  return __cxa_get_globals != nullptr ? *__cxa_get_globals() : nullptr;
}

// Only what was written before the throw: later writes are undone, to what was thrown.
void spare_exceptions(const Region& region) {
  auto& thread = this_thread;
  for (size_t i = region.exceptions; i < thread.exceptions.size(); i++) {
    Exception& each = thread.exceptions[i];
    if (each.state != Exception::kThrown) continue;
    if (ends_with(region, each.object)) {
      each.state = Exception::kDead;
      continue;
    }
    spare(each.log_begin, each.log_end, each.object, each.bytes);
    for (size_t b = each.births_begin; b < each.births_end; b++) {
      Block& block = thread.births[b];
      block.spared = true;
      if (is_memory(block))
        spare(each.log_begin, each.log_end, block.address, malloc_usable_size(block.address));
    }
  }
}

void settle_exceptions(const Region& region) {
  auto& thread = this_thread;
  auto& all = thread.exceptions;
  release_births(region.births, region.exceptions);
  const size_t refs_end = thread.exception_refs.size();
  for (size_t i = region.exception_refs; i < refs_end; i++)
    settle(ExceptionRef(thread.exception_refs[i]), region);
  // Those that have been settled make room for those that settling has pushed.
  auto& refs = thread.exception_refs;
  size_t kept = region.exception_refs;
  for (size_t i = refs_end; i < refs.size(); i++) refs[kept++] = refs[i];
  refs.truncate(kept);
  kept = region.exceptions;
  for (size_t i = kept; i < all.size(); i++) {
    Exception each = all[i];
    if (each.state == Exception::kMaking) __cxa_free_exception(each.object);
    if (each.state != Exception::kThrown || !in_region()) continue;
    each.log_begin = each.log_end = region.log_top;
    all[kept++] = each;
  }
  all.truncate(kept);
}

void commit_exceptions() {
  auto& refs = this_thread.exception_refs;
  this_thread.exceptions.truncate(0);
  // Destructors may throw and catch, but in no region.
  for (const ExceptionRef& ref : refs)
    if (ref.is_given_up()) give_up(ref.object);
  refs.truncate(0);
}

}  // namespace belay::region
