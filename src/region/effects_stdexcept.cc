// std::logic_error, std::runtime_error and those derived from them, whose constructors and
// destructors are compiled in the C++ library. An object is a pointer to its table of virtual
// functions and one to its text, which the library counts: references taken in a region are given
// up by a rollback, those given up wait for the commit.
#include "region/effect.h"

using namespace belay::region;

extern "C" __attribute__((weak)) void _ZNSt11logic_errorC2ERKS_(void*, const void*);

namespace {

struct Object {
  void* table;
  void* text;
};

Object* log_object(void* self) {
  log_bytes(self, sizeof(Object));
  return static_cast<Object*>(self);
}

void assign(void* self, const void* from) {
  Object copy;
  _ZNSt11logic_errorC2ERKS_(&copy, from);
  Object* object = log_object(self);
  died(object->text, Release::kText);
  object->text = born(copy.text, 0, Release::kText);
}

void end_object(void* self) { died(log_object(self)->text, Release::kText); }

}  // namespace

#define BELAY_CONSTRUCTOR(name)                                   \
  extern "C" __attribute__((weak)) void name(void*, const void*); \
  EFFECT(void, name, (void* self, const void* from)) {            \
    Object* object = log_object(self);                            \
    name(self, from);                                             \
    born(object->text, 0, Release::kText);                        \
  }
#define BELAY_STANDARD_EXCEPTION(name)                                                      \
  BELAY_CONSTRUCTOR(_ZNSt##name##C1EPKc)                                                    \
  BELAY_CONSTRUCTOR(_ZNSt##name##C2EPKc)                                                    \
  BELAY_CONSTRUCTOR(_ZNSt##name##C1ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE) \
  BELAY_CONSTRUCTOR(_ZNSt##name##C2ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE) \
  EFFECT(void, _ZNSt##name##D1Ev, (void* self)) { end_object(self); }                       \
  EFFECT(void, _ZNSt##name##D2Ev, (void* self)) { end_object(self); }                       \
  EFFECT(void, _ZNSt##name##D0Ev, (void* self)) {                                           \
    end_object(self);                                                                       \
    died(self, Release::kDelete);                                                           \
  }
BELAY_STANDARD_EXCEPTION(11logic_error)
BELAY_STANDARD_EXCEPTION(11range_error)
BELAY_STANDARD_EXCEPTION(12domain_error)
BELAY_STANDARD_EXCEPTION(12length_error)
BELAY_STANDARD_EXCEPTION(12out_of_range)
BELAY_STANDARD_EXCEPTION(13runtime_error)
BELAY_STANDARD_EXCEPTION(14overflow_error)
BELAY_STANDARD_EXCEPTION(15underflow_error)
BELAY_STANDARD_EXCEPTION(16invalid_argument)
// Moving copies: the other's text stays, as a copy's would.
#define BELAY_ASSIGN(name)                              \
  EFFECT(void*, name, (void* self, const void* from)) { \
    assign(self, from);                                 \
    return self;                                        \
  }
#define BELAY_COPY(name)                                              \
  BELAY_CONSTRUCTOR(_ZNSt##name##C1ERKS_)                             \
  BELAY_CONSTRUCTOR(_ZNSt##name##C2ERKS_)                             \
  EFFECT(void, _ZNSt##name##C1EOS_, (void* self, const void* from)) { \
    fx__ZNSt##name##C1ERKS_(self, from);                              \
  }                                                                   \
  EFFECT(void, _ZNSt##name##C2EOS_, (void* self, const void* from)) { \
    fx__ZNSt##name##C1ERKS_(self, from);                              \
  }                                                                   \
  BELAY_ASSIGN(_ZNSt##name##aSERKS_)                                  \
  BELAY_ASSIGN(_ZNSt##name##aSEOS_)
BELAY_COPY(11logic_error)
BELAY_COPY(13runtime_error)
