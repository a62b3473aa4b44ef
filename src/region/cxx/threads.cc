// Locks, conditions and threads. What threads share does not go back behind their backs: a wait or
// a notification has been, and a rollback is not seen by it.
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "region/cxx/effect.h"

using namespace belay::region;

extern "C" void* __belay_resolve(void* function, void* site);
extern "C" void __belay_unknown_code(void* what);

// std::call_once: what it calls is the program's, and is to log.
namespace {

void call_clone_once() {
  auto* function = reinterpret_cast<void*>(std::__once_call);
  reinterpret_cast<void (*)()>(__belay_resolve(function, nullptr))();
}

}  // namespace
CXX_EFFECT(void, __once_proxy, ()) { call_clone_once(); }

// A thread that a region starts would outlive its rollback.
CXX_EFFECT(void,
           _ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE,
           (void* self, void** state, void (*depend)())) {
  __belay_unknown_code(
      const_cast<char*>("a new thread (std::thread, std::async), which no rollback"
                        " ends"));
  _ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE(self, state,
                                                                                        depend);
}

#define MAKES_CONDITION(name)                            \
  CXX_EFFECT(void, name, (void* self)) {                 \
    belay_backup(self, sizeof(std::condition_variable)); \
    name(self);                                          \
  }
MAKES_CONDITION(_ZNSt18condition_variableC1Ev)
MAKES_CONDITION(_ZNSt18condition_variableC2Ev)
// Its memory may be put back: nothing is left of it that would have to be released.
CXX_EFFECT(void, _ZNSt18condition_variableD1Ev, (void*)) {}
CXX_EFFECT(void, _ZNSt18condition_variableD2Ev, (void*)) {}
