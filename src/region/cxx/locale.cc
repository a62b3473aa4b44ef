// std::locale: a pointer to an object that libstdc++ counts references to. Those that a region
// takes are given up by its rollback, those that it gives up wait for the commit. What is cached
// with a locale stays. Of the classic locale libstdc++ counts hardly any references, and gives none
// up.
#include <locale>
#include <sstream>

#include "region/cxx/effect.h"

using namespace belay::region;

extern "C" {
void _ZNSt6localeC1ERKS_(void** self, void* const* from);
void _ZNSt6localeD1Ev(void** self);
void* _ZNSt6locale7classicEv();
}

namespace {

// locale::facet and locale::_Impl of bits/locale_classes.h.
struct Facet {
  void (**functions)(Facet*);
  int references;
};
struct Implementation {
  int references;
  Facet** facets;
  size_t facet_count;
  Facet** caches;
  char** names;
};

Implementation* classic() {
  return *reinterpret_cast<Implementation* const*>(&std::locale::classic());
}

bool is_counted(void* locale) { return locale != classic(); }

void give_up(void* locale) { _ZNSt6localeD1Ev(&locale); }

void give_up_classic(void*) { __atomic_fetch_sub(&classic()->references, 1, __ATOMIC_ACQ_REL); }

// A constructor has filled *self.
void took_reference(void** self) {
  if (is_counted(*self)) belay_on_rollback(give_up, *self);
}

// The same for one that goes by names, of which "C" counts references.
void took_named(void** self, int classic_before) {
  took_reference(self);
  for (int count = classic()->references; count > classic_before; count--)
    belay_on_rollback(give_up_classic, nullptr);
}

void gives_up(void* locale) {
  if (is_counted(locale)) belay_on_commit(give_up, locale);
}

}  // namespace

#define CONSTRUCTOR(name, parameters, arguments)      \
  CXX_EFFECT(void, name, parameters) {                \
    log(self);                                        \
    const int classic_before = classic()->references; \
    name arguments;                                   \
    took_named(self, classic_before);                 \
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

// Takes over its maker's reference.
#define TAKEN_OVER(name)                                \
  CXX_EFFECT(void, name, (void** self, void* locale)) { \
    log(self);                                          \
    name(self, locale);                                 \
  }
TAKEN_OVER(_ZNSt6localeC1EPNS_5_ImplE)
TAKEN_OVER(_ZNSt6localeC2EPNS_5_ImplE)

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

// What the destructor does. Facets of the region, which are memory still, go by themselves, those
// that it shares are others' too; a cache may be its own.
void give_up_copy(void* self) {
  auto* ended = static_cast<Implementation*>(self);
  auto references_left = [](Facet* facet) {
    return facet == nullptr ? 1 : __atomic_sub_fetch(&facet->references, 1, __ATOMIC_ACQ_REL);
  };
  for (size_t i = 0; i < ended->facet_count; i++) {
    references_left(ended->facets[i]);
    Facet* cache = ended->caches[i];
    constexpr int kDelete = 1;  // in the table of virtual functions, of the Itanium ABI
    if (references_left(cache) == 0) cache->functions[kDelete](cache);
  }
  delete[] ended->facets;
  delete[] ended->caches;
  delete[] ended->names;
}

}  // namespace

// A copy that a new facet goes into. Its clone of new notes the memory.
#define IMPLEMENTATION(name, parameters, arguments) \
  CXX_EFFECT(void, name, parameters) {              \
    name arguments;                                 \
    belay_on_rollback(give_up_copy, self);          \
  }
IMPLEMENTATION(_ZNSt6locale5_ImplC1ERKS0_m, (void* self, const void* from, size_t refs),
               (self, from, refs))
IMPLEMENTATION(_ZNSt6locale5_ImplC2ERKS0_m, (void* self, const void* from, size_t refs),
               (self, from, refs))
CXX_EFFECT(void, _ZNSt6locale5_Impl16_M_install_facetEPKNS_2idEPKNS_5facetE,
           (void* self, const void* id, const void* facet)) {
  _ZNSt6locale5_Impl16_M_install_facetEPKNS_2idEPKNS_5facetE(self, id, facet);
}
CXX_EFFECT(void, _ZNSt6locale5_Impl16_M_replace_facetEPKS0_PKNS_2idE,
           (void* self, const void* from, const void* id)) {
  _ZNSt6locale5_Impl16_M_replace_facetEPKS0_PKNS_2idE(self, from, id);
}

// What is made once and stays, before any region: what ctype<char> has converted, and what a cache
// of a locale's needs.
namespace {

__attribute__((constructor)) void fill_caches() {
  auto& narrow = std::use_facet<std::ctype<char>>(std::locale::classic());
  (void)narrow.widen('a');
  (void)narrow.narrow('a', '?');
  std::ostringstream text;
  text.imbue(std::locale(std::locale::classic(), new std::numpunct<char>));
  text << 1.5;
}

}  // namespace
