// Numbers as text, random devices, error categories.
#include <charconv>
#include <future>
#include <ios>
#include <random>
#include <regex>
#include <string>
#include <system_error>

#include "region/cxx/effect.h"

using namespace belay::region;

namespace {

// A pointer and an error code, in two registers.
struct Chars {
  char* end;
  int error;
};

}  // namespace

#define FROM_CHARS(letter, type)                                                        \
  CXX_EFFECT(Chars, _ZSt10from_charsPKcS0_R##letter##St12chars_format,                  \
             (const char* first, const char* last, type* out, int format)) {            \
    log(out);                                                                           \
    return _ZSt10from_charsPKcS0_R##letter##St12chars_format(first, last, out, format); \
  }
FROM_CHARS(f, float)
FROM_CHARS(e, long double)
#define TO_CHARS(letter, type)                                                                  \
  CXX_EFFECT(Chars, _ZSt8to_charsPcS_##letter##St12chars_format,                                \
             (char* first, char* last, type value, int format)) {                               \
    belay_backup(first, static_cast<size_t>(last - first));                                     \
    return _ZSt8to_charsPcS_##letter##St12chars_format(first, last, value, format);             \
  }                                                                                             \
  CXX_EFFECT(Chars, _ZSt8to_charsPcS_##letter##St12chars_formati,                               \
             (char* first, char* last, type value, int format, int precision)) {                \
    belay_backup(first, static_cast<size_t>(last - first));                                     \
    return _ZSt8to_charsPcS_##letter##St12chars_formati(first, last, value, format, precision); \
  }
TO_CHARS(f, float)
TO_CHARS(d, double)
TO_CHARS(e, long double)
#define TO_CHARS_SHORTEST(letter, type)                                                 \
  CXX_EFFECT(Chars, _ZSt8to_charsPcS_##letter, (char* first, char* last, type value)) { \
    belay_backup(first, static_cast<size_t>(last - first));                             \
    return _ZSt8to_charsPcS_##letter(first, last, value);                               \
  }
TO_CHARS_SHORTEST(f, float)
TO_CHARS_SHORTEST(e, long double)

// Other buffers for cin and cout would not go back: true, which changes nothing, only asks. Those
// that are there do all that the faster ones do.
CXX_EFFECT(bool, _ZNSt8ios_base15sync_with_stdioEb, (bool wanted)) {
  return _ZNSt8ios_base15sync_with_stdioEb(wanted || in_region());
}

// std::random_device: numbers that nobody can take back; what it has opened ends at the commit.
CXX_EFFECT(void,
           _ZNSt13random_device7_M_initERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE,
           (void* self, const void* token)) {
  belay_backup(self, sizeof(std::random_device));
  _ZNSt13random_device7_M_initERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE(self, token);
}
CXX_EFFECT(void, _ZNSt13random_device7_M_finiEv, (void* self)) {
  belay_backup(self, sizeof(std::random_device));
  if (!in_region()) _ZNSt13random_device7_M_finiEv(self);
}

// A std::runtime_error with a code; its text is counted.
extern "C" void _ZNSt11logic_errorD2Ev(void*);
namespace {

void release_text(void* text) {
  void* exception[] = {nullptr, text};
  _ZNSt11logic_errorD2Ev(exception);
}

}  // namespace
#define CODED(name)                                 \
  CXX_EFFECT(void, name, (void** self, int code)) { \
    belay_backup(self, sizeof(std::regex_error));   \
    name(self, code);                               \
    belay_on_rollback(release_text, self[1]);       \
  }
CODED(_ZNSt11regex_errorC1ENSt15regex_constants10error_typeE)
CODED(_ZNSt11regex_errorC2ENSt15regex_constants10error_typeE)

// Text by value: in memory that the region owns.
namespace {

using Text = std::string;

void adopt(Text* text) {
  const Text copy = *text;
  text->~Text();
  const size_t bytes = copy.size();
  // A short text is in the string itself; the layout is that of bits/basic_string.h.
  struct Layout {
    char* data;
    size_t size;
    union {
      char local[16];
      size_t capacity;
    };
  };
  auto* layout = reinterpret_cast<Layout*>(text);
  layout->data = layout->local;
  if (bytes > 15) {
    layout->data = static_cast<char*>(belay_new(bytes + 1));
    layout->capacity = bytes;
  }
  layout->size = bytes;
  copy.copy(layout->data, bytes);
  layout->data[bytes] = '\0';
}

}  // namespace

#define TEXT(name, parameters, arguments)         \
  CXX_EFFECT(Returned<Text>, name, parameters) {  \
    Returned<Text> result;                        \
    belay_backup(&result, sizeof result);         \
    new (&result) Returned<Text>(name arguments); \
    adopt(result.get());                          \
    return result;                                \
  }
TEXT(_ZNKSt6locale4nameB5cxx11Ev, (const void* self), (self))
TEXT(_ZNKSt3_V214error_category10_M_messageB5cxx11Ei, (const void* self, int code), (self, code))

// The categories of libstdc++, whose virtual functions it does not export: by the slots of their
// tables.
namespace {

Returned<Text> message(const std::error_category* self, int code) {
  Returned<Text> result;
  belay_backup(&result, sizeof result);
  new (result.get()) Text(self->message(code));
  adopt(result.get());
  return result;
}

enum Slot { kName = 2, kMessage = 4, kSlots = 8 };

void add_category(const std::error_category& category) {
  void* const* table = *reinterpret_cast<void* const* const*>(&category);
  struct {
    void *function, *clone;
  } pairs[kSlots];
  for (int i = kName; i < kSlots; i++)
    pairs[i] = {table[i], i == kMessage ? reinterpret_cast<void*>(message) : table[i]};
  __belay_add_clones(pairs + kName, kSlots - kName);
}

__attribute__((constructor)) void add_categories() {
  add_category(std::generic_category());
  add_category(std::system_category());
  add_category(std::iostream_category());
  add_category(std::future_category());
}

}  // namespace
