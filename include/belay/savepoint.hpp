// savepoint.hpp — the C++ face of savepoint.h; belay.hpp includes it.
//
//     belay::savepoint here;
//     auto& best = belay::make_exempt<std::vector<Move, belay::exempt_allocator<Move>>>();
//     int tries = here.take();                  // 0, then what rollback() was given
//     auto moves = play_without_a_plan(tries);
//     if (better(moves, best)) best.assign(moves.begin(), moves.end());
//     if (tries < 1000) here.rollback(tries + 1);
//
// What fails throws belay::error. No destructor runs on the way back: what they would undo is
// undone already, and what they would do elsewhere (a pipe, shared memory) is not done.
#ifndef BELAY_SAVEPOINT_HPP
#define BELAY_SAVEPOINT_HPP

#include <belay/savepoint.h>

#include <belay/belay.hpp>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace belay {

// Owns one. A rollback to an older one forgets it, as every variable that is younger: then
// release_descendants() of the older one is what releases it.
class savepoint {
 public:
  savepoint() noexcept = default;
  savepoint(savepoint&& other) noexcept : id_(std::exchange(other.id_, 0)) {}
  savepoint& operator=(savepoint&& other) noexcept {
    if (this != &other) {
      release();
      id_ = std::exchange(other.id_, 0);
    }
    return *this;
  }
  ~savepoint() { release(); }

  // Returns 0, and again the value of each rollback(). What it held before is released.
  int take() {
    release();
    return detail::check(belay_savepoint(&id_));
  }
  // Does not return; throws when it is refused.
  [[noreturn]] void rollback(int value = 1) const {
    belay_rollback_to(id_, value);
    throw error(errno, belay_crerror());
  }
  void release_descendants() const { detail::check(belay_release_descendants(id_)); }
  void release() noexcept {
    if (id_ != 0) belay_release_savepoint(std::exchange(id_, 0));
  }

  belay_savepoint_t id() const noexcept { return id_; }
  explicit operator bool() const noexcept { return id_ != 0; }

 private:
  belay_savepoint_t id_ = 0;
};

// For containers whose contents stay. The container itself has to be exempt too, or it goes back
// to pointing at what it had then: make_exempt().
template <class T>
struct exempt_allocator {
  static_assert(alignof(T) <= 16, "exempt memory is aligned to 16 bytes");
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr exempt_allocator() noexcept = default;
  template <class U>
  constexpr exempt_allocator(const exempt_allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, sizeof(T), &bytes)) throw std::bad_array_new_length();
    void* block = belay_exempt_malloc(bytes);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
  }
  void deallocate(T* block, std::size_t) noexcept { belay_exempt_free(block); }

  template <class U>
  friend constexpr bool operator==(const exempt_allocator&, const exempt_allocator<U>&) noexcept {
    return true;
  }
};

// An object in exempt memory, made before the savepoint; and its end.
template <class T, class... Args>
T& make_exempt(Args&&... args) {
  exempt_allocator<T> memory;
  auto give_back = [&](T* block) { memory.deallocate(block, 1); };
  std::unique_ptr<T, decltype(give_back)> block(memory.allocate(1), give_back);
  std::construct_at(block.get(), std::forward<Args>(args)...);
  return *block.release();
}
template <class T>
void destroy_exempt(T& object) {
  std::destroy_at(&object);
  belay_exempt_free(&object);
}

// The bytes of an object that lives elsewhere, a static one for instance, stay from now on.
template <class T>
void exempt(T& object) {
  detail::check(belay_exempt(std::addressof(object), sizeof object));
}

}  // namespace belay

#endif
