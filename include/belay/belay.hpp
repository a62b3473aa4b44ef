// belay.hpp — the C++ face of checkpoint_restore.h: allocators, roots, RAII threads and locks.
//
//     #include <belay/belay.hpp>
//
//     int main() {
//       belay::init({.interval = std::chrono::seconds(10)});
//       belay::restore();                          // does not return when it restores
//       std::vector<int, belay::allocator<int>> primes;
//       if (belay::checkpoint() == belay::checkpoint_outcome::restored) reconnect();
//     }
//
// Regions, which need another library only, are in <belay/region.hpp>, included here, and so are
// savepoints: <belay/savepoint.hpp>.
//
// Header-only, C++20, over the C functions. What fails throws belay::error, which carries errno and
// the sentence of crerror(); what only says "not now" (try_lock, try_acquire_for) returns it.
// Everything is thread-safe as its C counterpart is. Link with -lbelay.
#ifndef BELAY_BELAY_HPP
#define BELAY_BELAY_HPP

#include <belay/checkpoint_restore.h>

#include <belay/region.hpp>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace belay {

// What a call that failed says: code() is errno, what() the sentence.
class error : public std::system_error {
 public:
  explicit error(int code, const std::string& sentence)
      : std::system_error(code, std::generic_category(), sentence) {}
};

namespace detail {

inline int check(int result) {
  if (result < 0) throw error(errno, belay_crerror());
  return result;
}
// For the pthread-like functions, which return the error.
inline void check_code(int code, const char* call) {
  if (code != 0) throw error(code, call);
}
// Deadlines of the pthread functions are on CLOCK_REALTIME.
template <class Rep, class Period>
timespec deadline_after(std::chrono::duration<Rep, Period> wait) {
  using namespace std::chrono;
  auto at = (system_clock::now() + ceil<nanoseconds>(wait)).time_since_epoch();
  auto whole = floor<seconds>(at);
  return {static_cast<time_t>(whole.count()),
          static_cast<long>(duration_cast<nanoseconds>(at - whole).count())};
}

}  // namespace detail

// ---- Starting, saving, coming back --------------------------------------------------------------

// crattr in C++ words; what is left out takes the default that crattr documents.
struct options {
  std::string store{};
  std::string name{};
  std::size_t heap_bytes_max = 0;
  std::optional<std::chrono::milliseconds> interval{};
  bool manual = false;  // no periodic checkpoints
  cr_verify verify = CR_VERIFY_DEFAULT;
  std::uint32_t retention = 0;
};

namespace detail {

// Valid as long as `chosen` lives.
inline crattr attributes_of(const options& chosen) {
  crattr attributes{};
  if (!chosen.store.empty()) attributes.store = chosen.store.c_str();
  if (!chosen.name.empty()) attributes.name = chosen.name.c_str();
  attributes.heap_bytes_max = chosen.heap_bytes_max;
  if (chosen.interval) {
    auto ms = chosen.interval->count();
    if (ms <= 0 || ms >= CR_INTERVAL_MANUAL)
      throw error(EINVAL, "init: the interval is 1 ms to 49 days; manual for none");
    attributes.interval_ms = static_cast<std::uint32_t>(ms);
  }
  if (chosen.manual) attributes.interval_ms = CR_INTERVAL_MANUAL;
  attributes.verify = chosen.verify;
  attributes.retention = chosen.retention;
  return attributes;
}

}  // namespace detail

inline void init(const options& chosen = {}) {
  crattr attributes = detail::attributes_of(chosen);
  detail::check(belay_crinit(&attributes));
}

enum class checkpoint_outcome {
  saved,     // durable; the program goes on
  restored,  // the program has just come back from it
};

inline checkpoint_outcome checkpoint() {
  return detail::check(belay_checkpoint()) == 1 ? checkpoint_outcome::restored
                                                : checkpoint_outcome::saved;
}

// The same, and it stays under this name until it is dropped.
inline checkpoint_outcome checkpoint_named(const std::string& name) {
  return detail::check(belay_checkpoint_named(name.c_str())) == 1 ? checkpoint_outcome::restored
                                                                  : checkpoint_outcome::saved;
}
inline void restore_named(const std::string& name) {
  detail::check(belay_restore_named(name.c_str()));
}
inline void drop_checkpoint(const std::string& name) { detail::check(belay_crdrop(name.c_str())); }
inline std::vector<std::string> named_checkpoints() {
  std::vector<std::string> names;
  detail::check(
      belay_crnamed([](const char* name,
                       void* to) { static_cast<std::vector<std::string>*>(to)->push_back(name); },
                    &names));
  return names;
}

// Asks for a checkpoint and returns at once. Async-signal-safe.
inline void request_checkpoint() { detail::check(belay_crcheckpoint_request()); }

// Returns when there is nothing to restore; otherwise the program goes on where it was.
inline void restore() { detail::check(belay_restore()); }

enum class event { prepare = CR_PREPARE, resume = CR_RESUME, restart = CR_RESTART };

// Calls `fn` at every such event until the program ends. It must not throw: it runs on a thread of
// Belay's, whose end would be the program's.
inline void on(event when, std::function<void()> fn) {
  auto kept = std::make_unique<std::function<void()>>(std::move(fn));
  auto call = [](void* arg) noexcept { (*static_cast<std::function<void()>*>(arg))(); };
  detail::check(belay_cr_on(static_cast<cr_event>(when), call, kept.get()));
  kept.release();
}

// ---- Memory -------------------------------------------------------------------------------------

// For containers in the arena: std::vector<T, belay::allocator<T>>.
template <class T>
struct allocator {
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr allocator() noexcept = default;
  template <class U>
  constexpr allocator(const allocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    std::size_t bytes;
    if (__builtin_mul_overflow(count, sizeof(T), &bytes)) throw std::bad_array_new_length();
    void* block = alignof(T) <= 16 ? belay_crmalloc(bytes) : belay_crmemalign(alignof(T), bytes);
    if (block == nullptr) throw std::bad_alloc();
    return static_cast<T*>(block);
  }
  void deallocate(T* block, std::size_t) noexcept { belay_crfree(block); }

  template <class U>
  friend constexpr bool operator==(const allocator&, const allocator<U>&) noexcept {
    return true;
  }
};

// For std::pmr containers.
class memory_resource : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* block = belay_crmemalign(alignment, bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
  }
  void do_deallocate(void* block, std::size_t, std::size_t) override { belay_crfree(block); }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return dynamic_cast<const memory_resource*>(&other) != nullptr;
  }
};

// What the named root points to, or null. The type is the caller's promise, as with any void *.
template <class T>
T* root(const std::string& name) {
  return static_cast<T*>(belay_crroot_get(name.c_str()));
}

// The object of that name: found, or made in the arena from `args` and named.
template <class T, class... Args>
T& make_root(const std::string& name, Args&&... args) {
  if (T* found = root<T>(name)) return *found;
  allocator<T> memory;
  auto give_back = [&](T* block) { memory.deallocate(block, 1); };
  std::unique_ptr<T, decltype(give_back)> block(memory.allocate(1), give_back);
  T* made = std::construct_at(block.get(), std::forward<Args>(args)...);
  if (belay_crroot_set(name.c_str(), made) != 0) {
    int code = errno;
    std::destroy_at(made);
    throw error(code, belay_crerror());
  }
  block.release();
  return *made;
}

// ---- Threads and synchronisation ----------------------------------------------------------------

// std::thread with its stack in the arena; joins when it goes out of scope, as std::jthread.
class thread {
 public:
  thread() noexcept = default;
  template <class F, class... Args>
  requires(!std::is_same_v<std::remove_cvref_t<F>, thread>) explicit thread(F&& fn,
                                                                            Args&&... args) {
    using Call = std::tuple<std::decay_t<F>, std::decay_t<Args>...>;
    auto call = std::make_unique<Call>(std::forward<F>(fn), std::forward<Args>(args)...);
    auto run = [](void* arg) -> void* {
      std::unique_ptr<Call> own(static_cast<Call*>(arg));
      std::apply([](auto&& f, auto&&... a) { std::invoke(std::move(f), std::move(a)...); },
                 std::move(*own));
      return nullptr;
    };
    detail::check_code(belay_crthread_create(&handle_, nullptr, run, call.get()), "thread");
    joinable_ = true;
    call.release();
  }
  thread(thread&& other) noexcept
      : handle_(other.handle_), joinable_(std::exchange(other.joinable_, false)) {}
  thread& operator=(thread&& other) {
    if (this == &other) return *this;
    if (joinable_) join();
    handle_ = other.handle_;
    joinable_ = std::exchange(other.joinable_, false);
    return *this;
  }
  ~thread() {
    if (joinable_) belay_crthread_join(handle_, nullptr);
  }

  bool joinable() const noexcept { return joinable_; }
  crthread_t native_handle() const noexcept { return handle_; }
  void join() {
    detail::check_code(joinable_ ? belay_crthread_join(handle_, nullptr) : EINVAL, "thread::join");
    joinable_ = false;
  }
  void detach() {
    detail::check_code(joinable_ ? belay_crthread_detach(handle_) : EINVAL, "thread::detach");
    joinable_ = false;
  }

 private:
  crthread_t handle_{};
  bool joinable_ = false;
};

// Lockable: for std::lock_guard, std::unique_lock, std::scoped_lock.
class mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() { belay_crmutex_destroy(&handle_); }

  void lock() { detail::check_code(belay_crmutex_lock(&handle_), "mutex::lock"); }
  bool try_lock() { return belay_crmutex_trylock(&handle_) == 0; }
  void unlock() { belay_crmutex_unlock(&handle_); }
  crmutex_t* native_handle() noexcept { return &handle_; }

 private:
  crmutex_t handle_ = CRMUTEX_INITIALIZER;
};

class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(const condition_variable&) = delete;
  condition_variable& operator=(const condition_variable&) = delete;
  ~condition_variable() { belay_crcond_destroy(&handle_); }

  void notify_one() noexcept { belay_crcond_signal(&handle_); }
  void notify_all() noexcept { belay_crcond_broadcast(&handle_); }
  void wait(std::unique_lock<mutex>& lock) {
    detail::check_code(belay_crcond_wait(&handle_, lock.mutex()->native_handle()), "wait");
  }
  template <class Predicate>
  void wait(std::unique_lock<mutex>& lock, Predicate done) {
    while (!done()) wait(lock);
  }
  // Returns done() in the end.
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> wait,
                Predicate done) {
    timespec deadline = detail::deadline_after(wait);
    while (!done()) {
      int code = belay_crcond_timedwait(&handle_, lock.mutex()->native_handle(), &deadline);
      if (code == ETIMEDOUT) return done();
      detail::check_code(code, "wait_for");
    }
    return true;
  }

 private:
  crcond_t handle_ = CRCOND_INITIALIZER;
};

class counting_semaphore {
 public:
  explicit counting_semaphore(unsigned count) {
    if (belay_crsem_init(&handle_, 0, count) != 0) throw error(errno, "counting_semaphore");
  }
  counting_semaphore(const counting_semaphore&) = delete;
  counting_semaphore& operator=(const counting_semaphore&) = delete;
  ~counting_semaphore() { belay_crsem_destroy(&handle_); }

  void release() {
    if (belay_crsem_post(&handle_) != 0) throw error(errno, "counting_semaphore::release");
  }
  void acquire() {
    while (belay_crsem_wait(&handle_) != 0)  // EINTR: a signal handler ran
      if (errno != EINTR) throw error(errno, "counting_semaphore::acquire");
  }
  bool try_acquire() { return belay_crsem_trywait(&handle_) == 0; }
  template <class Rep, class Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> wait) {
    timespec deadline = detail::deadline_after(wait);
    while (belay_crsem_timedwait(&handle_, &deadline) != 0) {
      if (errno == ETIMEDOUT) return false;
      if (errno != EINTR) throw error(errno, "counting_semaphore::try_acquire_for");
    }
    return true;
  }

 private:
  crsem_t handle_;
};

}  // namespace belay

#include <belay/savepoint.hpp>

#endif
