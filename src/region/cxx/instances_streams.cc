// The streams that libstdc++ has compiled, once more: what stays of this file are the clones that
// regions call (src/compiler/clones_only.h).
#include <ext/stdio_sync_filebuf.h>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <sstream>

#define STREAMS(Char)                                 \
  template class std::basic_ios<Char>;                \
  template class std::basic_streambuf<Char>;          \
  template class std::basic_istream<Char>;            \
  template class std::basic_ostream<Char>;            \
  template class std::basic_iostream<Char>;           \
  template class std::basic_stringbuf<Char>;          \
  template class std::basic_istringstream<Char>;      \
  template class std::basic_ostringstream<Char>;      \
  template class std::basic_stringstream<Char>;       \
  template class std::basic_filebuf<Char>;            \
  template class std::basic_ifstream<Char>;           \
  template class std::basic_ofstream<Char>;           \
  template class std::basic_fstream<Char>;            \
  template class __gnu_cxx::stdio_sync_filebuf<Char>; \
  template class std::istreambuf_iterator<Char>;      \
  template class std::ostreambuf_iterator<Char>;

namespace belay_instances {
template <class Char>
using In = std::basic_istream<Char>;
template <class Char>
using Out = std::basic_ostream<Char>;
template <class Char>
using Text = std::basic_string<Char>;
}  // namespace belay_instances
using namespace belay_instances;

#define FUNCTIONS(Char)                                                                    \
  template Out<Char>& std::endl(Out<Char>&);                                               \
  template Out<Char>& std::ends(Out<Char>&);                                               \
  template Out<Char>& std::flush(Out<Char>&);                                              \
  template In<Char>& std::ws(In<Char>&);                                                   \
  template Out<Char>& std::operator<<(Out<Char>&, const Char*);                            \
  template Out<Char>& std::operator<<(Out<Char>&, Char);                                   \
  template Out<Char>& std::operator<<(Out<Char>&, const Text<Char>&);                      \
  template Out<Char>& std::__ostream_insert(Out<Char>&, const Char*, std::streamsize);     \
  template In<Char>& std::operator>>(In<Char>&, Text<Char>&);                              \
  template In<Char>& std::operator>>(In<Char>&, Char&);                                    \
  template In<Char>& std::getline(In<Char>&, Text<Char>&);                                 \
  template In<Char>& std::getline(In<Char>&, Text<Char>&, Char);                           \
  template std::streamsize std::__copy_streambufs_eof(std::basic_streambuf<Char>*,         \
                                                      std::basic_streambuf<Char>*, bool&); \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Setfill<Char>);                    \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Setiosflags);                      \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Resetiosflags);                    \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Setbase);                          \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Setprecision);                     \
  template Out<Char>& std::operator<<(Out<Char>&, std::_Setw);                             \
  template In<Char>& std::operator>>(In<Char>&, std::_Setfill<Char>);                      \
  template In<Char>& std::operator>>(In<Char>&, std::_Setiosflags);                        \
  template In<Char>& std::operator>>(In<Char>&, std::_Resetiosflags);                      \
  template In<Char>& std::operator>>(In<Char>&, std::_Setbase);                            \
  template In<Char>& std::operator>>(In<Char>&, std::_Setprecision);                       \
  template In<Char>& std::operator>>(In<Char>&, std::_Setw);

#define NUMBERS(Char)                                           \
  template Out<Char>& Out<Char>::_M_insert(long);               \
  template Out<Char>& Out<Char>::_M_insert(unsigned long);      \
  template Out<Char>& Out<Char>::_M_insert(bool);               \
  template Out<Char>& Out<Char>::_M_insert(long long);          \
  template Out<Char>& Out<Char>::_M_insert(unsigned long long); \
  template Out<Char>& Out<Char>::_M_insert(double);             \
  template Out<Char>& Out<Char>::_M_insert(long double);        \
  template Out<Char>& Out<Char>::_M_insert(const void*);        \
  template In<Char>& In<Char>::_M_extract(unsigned short&);     \
  template In<Char>& In<Char>::_M_extract(unsigned int&);       \
  template In<Char>& In<Char>::_M_extract(long&);               \
  template In<Char>& In<Char>::_M_extract(unsigned long&);      \
  template In<Char>& In<Char>::_M_extract(bool&);               \
  template In<Char>& In<Char>::_M_extract(long long&);          \
  template In<Char>& In<Char>::_M_extract(unsigned long long&); \
  template In<Char>& In<Char>::_M_extract(float&);              \
  template In<Char>& In<Char>::_M_extract(double&);             \
  template In<Char>& In<Char>::_M_extract(long double&);        \
  template In<Char>& In<Char>::_M_extract(void*&);

STREAMS(char)
STREAMS(wchar_t)
FUNCTIONS(char)
FUNCTIONS(wchar_t)
NUMBERS(char)
NUMBERS(wchar_t)

// Between char and its signed and unsigned kin.
#define NARROW(Char)                                                  \
  template std::ostream& std::operator<<(std::ostream&, const Char*); \
  template std::ostream& std::operator<<(std::ostream&, Char);        \
  template std::istream& std::operator>>(std::istream&, Char&);
NARROW(signed char)
NARROW(unsigned char)
template std::wostream& std::operator<<(std::wostream&, const char*);
template std::wostream& std::operator<<(std::wostream&, char);
