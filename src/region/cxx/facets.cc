// Facets that libstdc++ has compiled: what their functions write through pointers, and what they
// own. A facet that ends in a region does so at the commit.
#include <clocale>
#include <cstring>
#include <ctime>
#include <cwchar>
#include <locale>

#include "region/cxx/effect.h"

using namespace belay::region;

namespace {

constexpr size_t kFacetBytes = sizeof(std::numpunct<char>);
static_assert(kFacetBytes == sizeof(std::moneypunct<char>) &&
              kFacetBytes == sizeof(std::codecvt<char, char, mbstate_t>));

}  // namespace

// Conversions of several characters: (self, from, end, to) of one width.
#define MANY(name, width)                                                                          \
  CXX_EFFECT(const void*, name, (const void* self, const char* from, const char* end, void* to)) { \
    belay_backup(to, static_cast<size_t>(end - from) * (width));                                   \
    return name(self, from, end, to);                                                              \
  }
MANY(_ZNKSt5ctypeIcE8do_widenEPKcS2_Pc, 1)
MANY(_ZNKSt5ctypeIwE8do_widenEPKcS2_Pw, sizeof(wchar_t))
// In place.
#define IN_PLACE(name)                                                       \
  CXX_EFFECT(const void*, name, (const void* self, char* from, char* end)) { \
    belay_backup(from, static_cast<size_t>(end - from));                     \
    return name(self, from, end);                                            \
  }
IN_PLACE(_ZNKSt5ctypeIcE10do_tolowerEPcPKc)
IN_PLACE(_ZNKSt5ctypeIcE10do_toupperEPcPKc)
IN_PLACE(_ZNKSt5ctypeIwE10do_tolowerEPwPKw)
IN_PLACE(_ZNKSt5ctypeIwE10do_toupperEPwPKw)
CXX_EFFECT(const char*, _ZNKSt5ctypeIcE9do_narrowEPKcS2_cPc,
           (const void* self, const char* from, const char* end, char otherwise, char* to)) {
  belay_backup(to, static_cast<size_t>(end - from));
  return _ZNKSt5ctypeIcE9do_narrowEPKcS2_cPc(self, from, end, otherwise, to);
}
CXX_EFFECT(const wchar_t*, _ZNKSt5ctypeIwE9do_narrowEPKwS2_cPc,
           (const void* self, const wchar_t* from, const wchar_t* end, char otherwise, char* to)) {
  belay_backup(to, static_cast<size_t>(end - from));
  return _ZNKSt5ctypeIwE9do_narrowEPKwS2_cPc(self, from, end, otherwise, to);
}
CXX_EFFECT(const wchar_t*, _ZNKSt5ctypeIwE5do_isEPKwS2_Pt,
           (const void* self, const wchar_t* from, const wchar_t* end, uint16_t* to)) {
  belay_backup(to, static_cast<size_t>(end - from) * sizeof *to);
  return _ZNKSt5ctypeIwE5do_isEPKwS2_Pt(self, from, end, to);
}

// std::codecvt: a state, and where reading and writing have come to.
#define CONVERSION(name)                                                                  \
  CXX_EFFECT(int, name,                                                                   \
             (const void* self, mbstate_t* state, const char* from, const char* from_end, \
              const char** from_next, char* to, char* to_end, char** to_next)) {          \
    log(state);                                                                           \
    log(from_next);                                                                       \
    log(to_next);                                                                         \
    belay_backup(to, static_cast<size_t>(to_end - to));                                   \
    return name(self, state, from, from_end, from_next, to, to_end, to_next);             \
  }
#define UNSHIFT(name)                                                                        \
  CXX_EFFECT(int, name,                                                                      \
             (const void* self, mbstate_t* state, char* to, char* to_end, char** to_next)) { \
    log(state);                                                                              \
    log(to_next);                                                                            \
    belay_backup(to, static_cast<size_t>(to_end - to));                                      \
    return name(self, state, to, to_end, to_next);                                           \
  }
CONVERSION(_ZNKSt7codecvtIcc11__mbstate_tE5do_inERS0_PKcS4_RS4_PcS6_RS6_)
CONVERSION(_ZNKSt7codecvtIcc11__mbstate_tE6do_outERS0_PKcS4_RS4_PcS6_RS6_)
CONVERSION(_ZNKSt7codecvtIwc11__mbstate_tE5do_inERS0_PKcS4_RS4_PwS6_RS6_)
CONVERSION(_ZNKSt7codecvtIwc11__mbstate_tE6do_outERS0_PKwS4_RS4_PcS6_RS6_)
UNSHIFT(_ZNKSt7codecvtIcc11__mbstate_tE10do_unshiftERS0_PcS3_RS3_)
UNSHIFT(_ZNKSt7codecvtIwc11__mbstate_tE10do_unshiftERS0_PcS3_RS3_)

// Constructors and what they call; destructors.
#define FILLS(name, parameters, arguments) \
  CXX_EFFECT(void, name, parameters) {     \
    belay_backup(self, kFacetBytes);       \
    name arguments;                        \
  }
#define ENDS(name) \
  CXX_EFFECT(void, name, (void* self)) { belay_on_commit(name, self); }
FILLS(_ZNSt7codecvtIcc11__mbstate_tEC2Em, (void* self, size_t refs), (self, refs))
FILLS(_ZNSt7codecvtIwc11__mbstate_tEC2Em, (void* self, size_t refs), (self, refs))
FILLS(_ZNSt7__cxx118numpunctIcE22_M_initialize_numpunctEP15__locale_struct,
      (void* self, void* locale), (self, locale))
FILLS(_ZNSt7__cxx118numpunctIwE22_M_initialize_numpunctEP15__locale_struct,
      (void* self, void* locale), (self, locale))
FILLS(_ZNSt11__timepunctIcE23_M_initialize_timepunctEP15__locale_struct, (void* self, void* locale),
      (self, locale))
FILLS(_ZNSt11__timepunctIwE23_M_initialize_timepunctEP15__locale_struct, (void* self, void* locale),
      (self, locale))
#define MONEY(type)                                                                           \
  FILLS(_ZNSt7__cxx1110moneypunctI##type##EE24_M_initialize_moneypunctEP15__locale_structPKc, \
        (void* self, void* locale, const char* name), (self, locale, name))                   \
  ENDS(_ZNSt7__cxx1110moneypunctI##type##EED2Ev)
MONEY(cLb0)
MONEY(cLb1)
MONEY(wLb0)
MONEY(wLb1)
ENDS(_ZNSt7__cxx118numpunctIcED2Ev)
ENDS(_ZNSt7__cxx118numpunctIwED2Ev)
ENDS(_ZNSt7codecvtIcc11__mbstate_tED2Ev)
ENDS(_ZNSt7codecvtIwc11__mbstate_tED2Ev)
CXX_EFFECT(void, _ZNSt6locale5facetD2Ev, (void*)) {}  // has nothing, and is not looked at again

#define CTYPE(name)                                                                 \
  CXX_EFFECT(void, name, (void* self, const void* table, bool owns, size_t refs)) { \
    belay_backup(self, sizeof(std::ctype<char>));                                   \
    name(self, table, owns, refs);                                                  \
  }
CTYPE(_ZNSt5ctypeIcEC1EPKtbm)
CTYPE(_ZNSt5ctypeIcEC2EPKtbm)
ENDS(_ZNSt5ctypeIcED2Ev)

// Text by a locale.
CXX_EFFECT(void, _ZNKSt11__timepunctIcE6_M_putEPcmPKcPK2tm,
           (const void* self, char* to, size_t room, const char* format, const tm* time)) {
  belay_backup(to, room);
  _ZNKSt11__timepunctIcE6_M_putEPcmPKcPK2tm(self, to, room, format, time);
}
CXX_EFFECT(void, _ZNKSt11__timepunctIwE6_M_putEPwmPKwPK2tm,
           (const void* self, wchar_t* to, size_t room, const wchar_t* format, const tm* time)) {
  belay_backup(to, room * sizeof *to);
  _ZNKSt11__timepunctIwE6_M_putEPwmPKwPK2tm(self, to, room, format, time);
}
CXX_EFFECT(size_t, _ZNKSt7__cxx117collateIcE12_M_transformEPcPKcm,
           (const void* self, char* to, const char* from, size_t room)) {
  belay_backup(to, room);
  return _ZNKSt7__cxx117collateIcE12_M_transformEPcPKcm(self, to, from, room);
}
CXX_EFFECT(size_t, _ZNKSt7__cxx117collateIwE12_M_transformEPwPKwm,
           (const void* self, wchar_t* to, const wchar_t* from, size_t room)) {
  belay_backup(to, room * sizeof *to);
  return _ZNKSt7__cxx117collateIwE12_M_transformEPwPKwm(self, to, from, room);
}
CXX_EFFECT(void, _ZNSt16__time_get_state17_M_finalize_stateEP2tm, (void* self, tm* time)) {
  log(time);
  _ZNSt16__time_get_state17_M_finalize_stateEP2tm(self, time);
}

// Numbers: a format of up to 16 characters, a value and the stream's state.
CXX_EFFECT(void, _ZNSt10__num_base15_S_format_floatERKSt8ios_basePcc,
           (const void* stream, char* to, char conversion)) {
  belay_backup(to, 16);
  _ZNSt10__num_base15_S_format_floatERKSt8ios_basePcc(stream, to, conversion);
}
#define FROM_TEXT(letter, type)                                                                  \
  CXX_EFFECT(void, _ZSt14__convert_to_vI##letter##EvPKcRT_RSt12_Ios_IostateRKP15__locale_struct, \
             (const char* text, type* value, int* state, void* const* locale)) {                 \
    log(value);                                                                                  \
    log(state);                                                                                  \
    _ZSt14__convert_to_vI##letter##EvPKcRT_RSt12_Ios_IostateRKP15__locale_struct(text, value,    \
                                                                                 state, locale); \
  }
FROM_TEXT(f, float)
FROM_TEXT(d, double)
FROM_TEXT(e, long double)

// Locales of the C library.
namespace {
void end_locale(void* locale) {
  if (locale != nullptr) freelocale(static_cast<locale_t>(locale));
}
}  // namespace
CXX_EFFECT(void*, _ZNSt6locale5facet17_S_clone_c_localeERP15__locale_struct, (void** locale)) {
  void* copy = _ZNSt6locale5facet17_S_clone_c_localeERP15__locale_struct(locale);
  belay_on_rollback(end_locale, copy);
  return copy;
}
CXX_EFFECT(void, _ZNSt6locale5facet18_S_create_c_localeERP15__locale_structPKcS2_,
           (void** out, const char* name, void* old)) {
  log(out);
  _ZNSt6locale5facet18_S_create_c_localeERP15__locale_structPKcS2_(out, name, old);
  belay_on_rollback(end_locale, *out);
}
extern "C" void* _ZNSt6locale5facet15_S_get_c_localeEv();
CXX_EFFECT(void, _ZNSt6locale5facet19_S_destroy_c_localeERP15__locale_struct, (void** locale)) {
  if (*locale != _ZNSt6locale5facet15_S_get_c_localeEv()) belay_on_commit(end_locale, *locale);
}
