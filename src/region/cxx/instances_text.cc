// Strings, and the facets of locales, that libstdc++ has compiled (instances_streams.cc).
#include <codecvt>
#include <iostream>
#include <locale>
#include <string>
#include <string_view>

namespace {
template <class Char>
using Text = std::basic_string<Char>;
template <class Char>
using From = std::istreambuf_iterator<Char>;
template <class Char>
using To = std::ostreambuf_iterator<Char>;
}  // namespace

#define STRINGS(Char)                                                       \
  template class std::basic_string<Char>;                                   \
  template class std::basic_string_view<Char>;                              \
  template Text<Char> std::operator+(const Text<Char>&, const Text<Char>&); \
  template Text<Char> std::operator+(const Char*, const Text<Char>&);       \
  template Text<Char> std::operator+(Char, const Text<Char>&);              \
  template Text<Char> std::operator+(const Text<Char>&, const Char*);       \
  template Text<Char> std::operator+(const Text<Char>&, Char);

STRINGS(char)
STRINGS(wchar_t)
STRINGS(char16_t)
STRINGS(char32_t)
STRINGS(char8_t)

#define FACETS(Char)                                              \
  template class std::moneypunct<Char, false>;                    \
  template class std::moneypunct<Char, true>;                     \
  template class std::moneypunct_byname<Char, false>;             \
  template class std::moneypunct_byname<Char, true>;              \
  template class std::money_get<Char, From<Char>>;                \
  template class std::money_put<Char, To<Char>>;                  \
  template class std::numpunct<Char>;                             \
  template class std::numpunct_byname<Char>;                      \
  template class std::num_get<Char, From<Char>>;                  \
  template class std::num_put<Char, To<Char>>;                    \
  template class std::time_put<Char, To<Char>>;                   \
  template class std::time_put_byname<Char, To<Char>>;            \
  template class std::time_get<Char, From<Char>>;                 \
  template class std::time_get_byname<Char, From<Char>>;          \
  template class std::messages<Char>;                             \
  template class std::messages_byname<Char>;                      \
  template class std::collate<Char>;                              \
  template class std::collate_byname<Char>;                       \
  template class std::__timepunct<Char>;                          \
  template class std::codecvt_byname<Char, char, std::mbstate_t>; \
  template class std::__ctype_abstract_base<Char>;                \
  USE(std::ctype<Char>)                                           \
  USE(std::codecvt<Char, char, std::mbstate_t>)                   \
  USE(std::collate<Char>)                                         \
  USE(std::numpunct<Char>)                                        \
  USE(std::num_put<Char>)                                         \
  USE(std::num_get<Char>)                                         \
  USE(std::moneypunct<Char, true>)                                \
  USE(std::moneypunct<Char, false>)                               \
  USE(std::money_put<Char>)                                       \
  USE(std::money_get<Char>)                                       \
  USE(std::__timepunct<Char>)                                     \
  USE(std::time_put<Char>)                                        \
  USE(std::time_get<Char>)                                        \
  USE(std::messages<Char>)
#define USE(...)                                                               \
  template const __VA_ARGS__& std::use_facet<__VA_ARGS__>(const std::locale&); \
  template bool std::has_facet<__VA_ARGS__>(const std::locale&);
FACETS(char)
FACETS(wchar_t)
