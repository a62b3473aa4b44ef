// Members and functions of input streams that libstdc++ has specialised for char and wchar_t: the
// clones of these do what those do ([istream.unformatted], [string.io]).
#include <istream>
#include <limits>
#include <string>

namespace {

template <class Char>
using In = std::basic_istream<Char>;
template <class Char>
using Traits = std::char_traits<Char>;

constexpr auto kEnd = std::ios_base::eofbit;
constexpr auto kFail = std::ios_base::failbit;
constexpr auto kMax = std::numeric_limits<std::streamsize>::max();

// Calls read(buffer), which returns the new state; what it throws makes the stream bad.
template <class Char, class Read>
In<Char>& guarded(In<Char>& in, bool skips, Read read) {
  typename In<Char>::sentry ready(in, !skips);
  if (!ready) return in;
  auto state = std::ios_base::goodbit;
  try {
    state = read(*in.rdbuf());
  } catch (...) {
    in._M_setstate(std::ios_base::badbit);
    return in;
  }
  if (state != std::ios_base::goodbit) in.setstate(state);
  return in;
}

template <class Char>
bool is_end(typename Traits<Char>::int_type c) {
  return Traits<Char>::eq_int_type(c, Traits<Char>::eof());
}

template <class Char>
In<Char>& get_line(In<Char>& in, std::streamsize& count, Char* to, std::streamsize room, Char end) {
  count = 0;
  if (room > 0) *to = Char();
  guarded(in, false, [&](auto& buffer) {
    auto c = buffer.sgetc();
    for (; count + 1 < room && !is_end<Char>(c); c = buffer.snextc(), ++count) {
      if (Traits<Char>::to_char_type(c) == end) break;
      *to++ = Traits<Char>::to_char_type(c);
    }
    if (room > 0) *to = Char();
    if (is_end<Char>(c)) return count > 0 ? kEnd : kEnd | kFail;
    if (Traits<Char>::to_char_type(c) != end) return kFail;
    buffer.sbumpc();
    ++count;
    return std::ios_base::goodbit;
  });
  return in;
}

template <class Char>
In<Char>& get_line(In<Char>& in, std::basic_string<Char>& to, Char end) {
  return guarded(in, false, [&](auto& buffer) {
    to.clear();
    auto c = buffer.sgetc();
    bool any = false;
    for (; !is_end<Char>(c); c = buffer.snextc(), any = true) {
      if (Traits<Char>::to_char_type(c) == end) {
        buffer.sbumpc();
        return std::ios_base::goodbit;
      }
      if (to.size() == to.max_size()) return kFail;
      to += Traits<Char>::to_char_type(c);
    }
    return any ? kEnd : kEnd | kFail;
  });
}

template <class Char>
In<Char>& ignore_some(In<Char>& in, std::streamsize& count, std::streamsize most,
                      typename Traits<Char>::int_type end) {
  count = 0;
  return guarded(in, false, [&](auto& buffer) {
    while (count < most || most == kMax) {
      auto c = buffer.sbumpc();
      if (is_end<Char>(c)) return kEnd;
      if (count < kMax) ++count;
      if (Traits<Char>::eq_int_type(c, end)) break;
    }
    return std::ios_base::goodbit;
  });
}

// What operator>> of a word stores, until white space, the width or the end.
template <class Char, class Begin, class Put>
In<Char>& get_word(In<Char>& in, std::streamsize most, Begin begin, Put put) {
  return guarded(in, true, [&](auto& buffer) {
    begin();
    auto& types = std::use_facet<std::ctype<Char>>(in.getloc());
    std::streamsize count = 0;
    auto c = buffer.sgetc();
    while (count < most && !is_end<Char>(c) &&
           !types.is(std::ctype_base::space, Traits<Char>::to_char_type(c))) {
      put(Traits<Char>::to_char_type(c));
      ++count;
      c = buffer.snextc();
    }
    in.width(0);
    auto state = count < most && is_end<Char>(c) ? kEnd : std::ios_base::goodbit;
    return count == 0 ? state | kFail : state;
  });
}

template <class Char>
std::streamsize copy_all(std::basic_streambuf<Char>* from, std::basic_streambuf<Char>* to,
                         bool& at_end) {
  std::streamsize count = 0;
  at_end = true;
  for (auto c = from->sgetc(); !is_end<Char>(c); c = from->snextc(), ++count) {
    if (is_end<Char>(to->sputc(Traits<Char>::to_char_type(c)))) {
      at_end = false;
      break;
    }
  }
  return count;
}

}  // namespace

namespace std {

#define SPECIALISED(Char)                                                                  \
  template <>                                                                              \
  In<Char>& In<Char>::getline(Char* to, streamsize room, Char end) {                       \
    get_line(*this, _M_gcount, to, room, end);                                             \
    return *this;                                                                          \
  }                                                                                        \
  template <>                                                                              \
  In<Char>& In<Char>::ignore(streamsize most) {                                            \
    return ignore_some<Char>(*this, _M_gcount, most, traits_type::eof());                  \
  }                                                                                        \
  template <>                                                                              \
  In<Char>& In<Char>::ignore(streamsize most, int_type end) {                              \
    return ignore_some<Char>(*this, _M_gcount, most, end);                                 \
  }                                                                                        \
  template <>                                                                              \
  In<Char>& getline(In<Char>& in, basic_string<Char>& to, Char end) {                      \
    return get_line<Char>(in, to, end);                                                    \
  }                                                                                        \
  template <>                                                                              \
  streamsize __copy_streambufs_eof(basic_streambuf<Char>* from, basic_streambuf<Char>* to, \
                                   bool& at_end) {                                         \
    return copy_all<Char>(from, to, at_end);                                               \
  }
SPECIALISED(char)
SPECIALISED(wchar_t)

template <>
istream& operator>>(istream& in, string& to) {
  const auto width = in.width();
  return get_word(
      in, width > 0 ? width : kMax, [&] { to.clear(); }, [&](char c) { to += c; });
}

void __istream_extract(istream& in, char* to, streamsize room) {
  const auto width = in.width();
  const auto most = (width > 0 && width < room ? width : room) - 1;
  get_word(
      in, most, [] {}, [&](char c) { *to++ = c; });
  *to = '\0';
}

}  // namespace std
