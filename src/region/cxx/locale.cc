// std::locale: a pointer to an object that libstdc++ counts references to. Those that a region
// takes are given up by its rollback, those that it gives up wait for the commit. What is cached
// with a locale stays. Of the classic locale no references are counted.
#include <locale>

#include "region/cxx/effect.h"

using namespace belay::region;

extern "C" {
void _ZNSt6localeC1ERKS_(void** self, void* const* from);
void _ZNSt6localeD1Ev(void** self);
void* _ZNSt6locale7classicEv();
}

namespace {

bool is_counted(void* locale) {
  return locale != *reinterpret_cast<void* const*>(&std::locale::classic());
}

void give_up(void* locale) { _ZNSt6localeD1Ev(&locale); }

// A constructor has filled *self.
void took_reference(void** self) {
  if (is_counted(*self)) belay_on_rollback(give_up, *self);
}

void gives_up(void* locale) {
  if (is_counted(locale)) belay_on_commit(give_up, locale);
}

}  // namespace

#define CONSTRUCTOR(name, parameters, arguments) \
  CXX_EFFECT(void, name, parameters) {           \
    log(self);                                   \
    name arguments;                              \
    took_reference(self);                        \
  }
#define BOTH(class, signature, parameters, arguments)      \
  CONSTRUCTOR(class##C1##signature, parameters, arguments) \
  CONSTRUCTOR(class##C2##signature, parameters, arguments)
BOTH(_ZNSt6locale, Ev, (void** self), (self))
BOTH(_ZNSt6locale, ERKS_, (void** self, void* const* from), (self, from))
BOTH(_ZNSt6locale, EPKc, (void** self, const char* name), (self, name))
BOTH(_ZNSt6locale, ERKS_PKci, (void** self, void* const* from, const char* name, int what),
     (self, from, name, what))
BOTH(_ZNSt6locale, ERKS_S1_i, (void** self, void* const* from, void* const* other, int what),
     (self, from, other, what))
CXX_EFFECT(void, _ZNSt6locale11_M_coalesceERKS_S1_i,
           (void** self, void* const* from, void* const* other, int what)) {
  log(self);
  _ZNSt6locale11_M_coalesceERKS_S1_i(self, from, other, what);
  took_reference(self);
}

CXX_EFFECT(void, _ZNSt6localeD1Ev, (void** self)) { gives_up(*self); }
CXX_EFFECT(void, _ZNSt6localeD2Ev, (void** self)) { gives_up(*self); }

CXX_EFFECT(void**, _ZNSt6localeaSERKS_, (void** self, void* const* from)) {
  void* old = *self;
  log(self);
  _ZNSt6localeC1ERKS_(self, from);
  took_reference(self);
  gives_up(old);
  return self;
}

namespace {

void set_global(void* locale) {
  reinterpret_cast<std::locale&>(locale) =
      std::locale::global(reinterpret_cast<std::locale&>(locale));
  give_up(locale);
}

}  // namespace

// Returns the one before.
CXX_EFFECT(Returned<void*>, _ZNSt6locale6globalERKS_, (void* const* to)) {
  Returned<void*> result;
  log(result.get());
  void* before = nullptr;
  _ZNSt6localeC1ERKS_(&before, to);
  give_up(before);
  new (&result) Returned<void*>(_ZNSt6locale6globalERKS_(to));
  took_reference(result.get());
  _ZNSt6localeC1ERKS_(&before, result.get());
  belay_on_rollback(set_global, before);
  return result;
}

namespace {

// locale::_Impl of bits/locale_classes.h.
struct Implementation {
  int references;
  const void** facets;
  size_t facet_count;
  const void** caches;
  char** names;
};

// What the constructor allocates. Facets of the region go by themselves, those that it shares have
// been counted once too often, and stay.
void release_arrays(void* self) {
  auto* ended = static_cast<Implementation*>(self);
  delete[] ended->facets;
  delete[] ended->caches;
  delete[] ended->names;
}

}  // namespace

// A copy that a new facet goes into. Its clone of new notes the memory.
#define IMPLEMENTATION(name, parameters, arguments) \
  CXX_EFFECT(void, name, parameters) {              \
    name arguments;                                 \
    belay_on_rollback(release_arrays, self);        \
  }
IMPLEMENTATION(_ZNSt6locale5_ImplC1ERKS0_m, (void* self, const void* from, size_t refs),
               (self, from, refs))
IMPLEMENTATION(_ZNSt6locale5_ImplC2ERKS0_m, (void* self, const void* from, size_t refs),
               (self, from, refs))
CXX_EFFECT(void, _ZNSt6locale5_Impl16_M_install_facetEPKNS_2idEPKNS_5facetE,
           (void* self, const void* id, const void* facet)) {
  _ZNSt6locale5_Impl16_M_install_facetEPKNS_2idEPKNS_5facetE(self, id, facet);
}

// ctype<char> remembers what it has converted. It does so before any region.
namespace {

__attribute__((constructor)) void fill_caches() {
  auto& narrow = std::use_facet<std::ctype<char>>(std::locale::classic());
  (void)narrow.widen('a');
  (void)narrow.narrow('a', '?');
}

}  // namespace
