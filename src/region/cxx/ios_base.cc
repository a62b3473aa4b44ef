// std::ios_base, which libstdc++ has compiled: the clones of this do what its functions do.
#include <climits>
#include <ios>
#include <locale>

namespace std {

ios_base::ios_base() noexcept
    : _M_precision(0),
      _M_width(0),
      _M_flags(),
      _M_exception(),
      _M_streambuf_state(),
      _M_callbacks(nullptr),
      _M_word_size(_S_local_word_size),
      _M_word(_M_local_word) {}

ios_base::~ios_base() {
  _M_call_callbacks(erase_event);
  _M_dispose_callbacks();
  if (_M_word != _M_local_word) delete[] _M_word;
}

void ios_base::_M_init() noexcept {
  _M_precision = 6;  // [basic.ios.cons]
  _M_width = 0;
  _M_flags = skipws | dec;
  _M_ios_locale = locale();
}

locale ios_base::imbue(const locale& other) noexcept {
  locale old = _M_ios_locale;
  _M_ios_locale = other;
  _M_call_callbacks(imbue_event);
  return old;
}

void ios_base::register_callback(event_callback function, int index) {
  _M_callbacks = new _Callback_list(function, index, _M_callbacks);
}

void ios_base::_M_call_callbacks(event what) noexcept {
  for (_Callback_list* each = _M_callbacks; each != nullptr; each = each->_M_next) {
    try {
      each->_M_fn(what, *this, each->_M_index);
    } catch (...) {  // has no effect ([ios.base.callback])
    }
  }
}

// A copy of a stream shares the list.
void ios_base::_M_dispose_callbacks() noexcept {
  _Callback_list* each = _M_callbacks;
  while (each != nullptr && each->_M_remove_reference() == 0) {
    _Callback_list* next = each->_M_next;
    delete each;
    each = next;
  }
  _M_callbacks = nullptr;
}

ios_base::_Words& ios_base::_M_grow_words(int index, bool) {
  if (index < 0 || index >= INT_MAX) {
    _M_streambuf_state |= badbit;
    if (_M_streambuf_state & _M_exception) __throw_ios_failure("ios_base::_M_grow_words");
    _M_word_zero = _Words();
    return _M_word_zero;
  }
  if (index >= _M_word_size) {
    auto* words = new _Words[static_cast<size_t>(index) + 1];
    for (int i = 0; i < _M_word_size; i++) words[i] = _M_word[i];
    if (_M_word != _M_local_word) delete[] _M_word;
    _M_word = words;
    _M_word_size = index + 1;
  }
  return _M_word[index];
}

void ios_base::_M_swap(ios_base& other) noexcept {
  swap(_M_precision, other._M_precision);
  swap(_M_width, other._M_width);
  swap(_M_flags, other._M_flags);
  swap(_M_exception, other._M_exception);
  swap(_M_streambuf_state, other._M_streambuf_state);
  swap(_M_callbacks, other._M_callbacks);
  _Words *mine = _M_word, *others = other._M_word;
  const bool local = mine == _M_local_word, others_local = others == other._M_local_word;
  swap(_M_local_word, other._M_local_word);
  _M_word = others_local ? _M_local_word : others;
  other._M_word = local ? other._M_local_word : mine;
  swap(_M_word_size, other._M_word_size);
  swap(_M_ios_locale, other._M_ios_locale);
}

void ios_base::_M_move(ios_base& other) noexcept {
  _M_precision = other._M_precision;
  _M_width = other._M_width;
  _M_flags = other._M_flags;
  _M_exception = other._M_exception;
  _M_streambuf_state = other._M_streambuf_state;
  _M_callbacks = other._M_callbacks;
  other._M_callbacks = nullptr;
  if (_M_word != _M_local_word) delete[] _M_word;
  _M_word = other._M_word;
  _M_word_size = other._M_word_size;
  if (other._M_word == other._M_local_word) {
    _M_word = _M_local_word;
    for (int i = 0; i < _S_local_word_size; i++) _M_local_word[i] = other._M_local_word[i];
  }
  other._M_word = other._M_local_word;
  other._M_word_size = _S_local_word_size;
  for (_Words& each : other._M_local_word) each = _Words();
  _M_ios_locale = other._M_ios_locale;
}

}  // namespace std
