// String streams as C++17 has them: their str() is another function than C++20's.
#include <sstream>

#define STREAMS(Char)                            \
  template class std::basic_stringbuf<Char>;     \
  template class std::basic_istringstream<Char>; \
  template class std::basic_ostringstream<Char>; \
  template class std::basic_stringstream<Char>;
STREAMS(char)
STREAMS(wchar_t)
