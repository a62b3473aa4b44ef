// region.hpp — the C++ face of region.h: undo for a stretch of code.
//
//     #include <belay/region.hpp>
//
//     bool improved = belay::attempt([&] {
//       swap_blocks(placement);                    // any code that belay-c++ compiled
//       return cost(placement) < best;             // false: every write in here is undone
//     });
//
// Header-only, C++11. Compile with belay-c++. Thread-safe as region.h is.
#ifndef BELAY_REGION_HPP
#define BELAY_REGION_HPP

#include <belay/region.h>

#include <type_traits>
#include <utility>

namespace belay {

namespace detail {

template <class F>
bool call(F& function, std::true_type /*returns nothing*/) {
  function();
  return true;
}
template <class F>
bool call(F& function, std::false_type) {
  return static_cast<bool>(function());
}

}  // namespace detail

// Calls try_it() in a region. What it returns says whether its writes stay; a function without a
// result stays unless it throws. An exception that leaves it rolls back and goes on to the caller,
// with its contents. Returns whether the writes stayed.
template <class F>
bool attempt(F&& try_it) {
  bool keep;
  belay_start_ckpt_once();
  try {
    keep = detail::call(try_it, std::is_void<decltype(try_it())>());
  } catch (...) {
    belay_stop_ckpt(1);
    throw;
  }
  // By two ways, since the rollback may take `keep` back too.
  if (keep) {
    belay_stop_ckpt(0);
    return true;
  }
  belay_stop_ckpt(1);
  return false;
}

// A region that ends with its scope, undone unless keep() was called:
//
//     belay::undo_guard undo;
//     ...
//     if (good) undo.keep();
//
// A local variable, and in the function that it is declared in.
class undo_guard {
 public:
  [[gnu::always_inline]] undo_guard() noexcept { belay_start_ckpt_once(); }
  [[gnu::always_inline]] ~undo_guard() { belay_stop_ckpt(!keep_); }
  undo_guard(const undo_guard&) = delete;
  undo_guard& operator=(const undo_guard&) = delete;

  [[gnu::always_inline]] void keep() noexcept { keep_ = true; }

 private:
  bool keep_ = false;
};

// A region that begins and ends when told to, in one function; one that is still open at the end of
// its scope is undone.
class region {
 public:
  region() noexcept = default;
  region(const region&) = delete;
  region& operator=(const region&) = delete;
  [[gnu::always_inline]] ~region() {
    if (open_) belay_stop_ckpt(1);
  }

  [[gnu::always_inline]] void start() noexcept {
    belay_start_ckpt_once();
    open_ = true;
  }
  [[gnu::always_inline]] void commit() noexcept {
    open_ = false;
    belay_stop_ckpt(0);
  }
  [[gnu::always_inline]] void rollback() noexcept {
    open_ = false;
    belay_stop_ckpt(1);
  }

 private:
  bool open_ = false;
};

// How many regions this thread is in.
inline int depth() noexcept { return belay_ckpt_depth(); }

namespace detail {

template <class T, class U>
BELAY_KEEP void assign_kept(T& to, U&& value) {
  to = std::forward<U>(value);
}

template <class T>
class kept {
 public:
  explicit kept(T& to) noexcept : to_(to) {}
  template <class U>
  void operator=(U&& value) && {
    assign_kept(to_, std::forward<U>(value));
  }

 private:
  T& to_;
};

}  // namespace detail

// keep(x) = v: a write that a rollback does not undo. A local of the function that holds the
// markers has to be named in it: keep(*p), where p points to one, is undone with the local.
template <class T>
detail::kept<T> keep(T& variable) noexcept {
  return detail::kept<T>(variable);
}

}  // namespace belay

#endif
