// Instantiates the standard containers, algorithms, strings, smart pointers and what else programs
// keep their state in, so that every precompiled part of the libraries that they need is referenced
// (undefined.py). Never run.
#include <algorithm>
#include <any>
#include <array>
#include <bitset>
#include <charconv>
#include <chrono>
#include <cmath>
#include <complex>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <stack>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <typeindex>
#include <unordered_map>
#include <unordered_set>
#include <valarray>
#include <variant>
#include <vector>

using Text = std::string;
using Shared = std::shared_ptr<Text>;

#define EACH(wrap) wrap(int) wrap(Text) wrap(Shared)
#define SEQUENCES(T)                            \
  template class std::vector<T>;                \
  template class std::deque<T>;                 \
  template class std::list<T>;                  \
  template class std::forward_list<T>;          \
  template class std::set<T>;                   \
  template class std::multiset<T>;              \
  template class std::map<T, T>;                \
  template class std::multimap<T, T>;           \
  template class std::unordered_set<T>;         \
  template class std::unordered_map<T, T>;      \
  template class std::unordered_multimap<T, T>; \
  template class std::unordered_multiset<T>;    \
  template class std::optional<T>;              \
  template class std::queue<T>;                 \
  template class std::stack<T>;                 \
  template class std::priority_queue<T>;
EACH(SEQUENCES)
template class std::vector<bool>;
template class std::basic_string<char>;
template class std::basic_string<wchar_t>;
template class std::basic_string<char16_t>;
template class std::basic_string<char32_t>;
template class std::basic_string_view<char>;
template class std::bitset<200>;
template class std::valarray<int>;
template class std::complex<double>;
template class std::function<Text(int, Text)>;
template class std::variant<int, Text, Shared>;
template class std::shared_ptr<Text>;
template class std::weak_ptr<Text>;
template class std::unique_ptr<Text>;
template class std::unique_ptr<Text[]>;

struct Shape : std::enable_shared_from_this<Shape> {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  explicit Square(double a) : side(a) {}
  double area() const override { return side * side; }
  double side;
};

template <class C>
void algorithms(C& c) {
  std::sort(c.begin(), c.end());
  std::stable_sort(c.begin(), c.end());
  std::partial_sort(c.begin(), c.begin(), c.end());
  std::nth_element(c.begin(), c.begin(), c.end());
  std::make_heap(c.begin(), c.end());
  std::sort_heap(c.begin(), c.end());
  std::inplace_merge(c.begin(), c.begin() + 1, c.end());
  std::stable_partition(c.begin(), c.end(), [](auto& x) { return x < x; });
  std::rotate(c.begin(), c.begin() + 1, c.end());
  std::reverse(c.begin(), c.end());
  std::next_permutation(c.begin(), c.end());
  c.erase(std::unique(c.begin(), c.end()), c.end());
  std::mt19937 numbers(1);
  std::shuffle(c.begin(), c.end(), numbers);
}

int use_algorithms(std::vector<int>& v, std::deque<Text>& d) {
  algorithms(v);
  algorithms(d);
  std::mt19937_64 source(7);
  std::uniform_int_distribution<int> whole(1, 6);
  std::uniform_real_distribution<double> real(0, 1);
  std::normal_distribution<double> normal;
  std::discrete_distribution<int> some{1, 2, 3};
  std::minstd_rand small;
  return whole(source) + static_cast<int>(real(source) + normal(source)) + some(small) +
         std::accumulate(v.begin(), v.end(), 0);
}

Text use_text(const Text& t) {
  double number = std::stod(t) + std::stof(t) + static_cast<double>(std::stold(t));
  long whole = std::stoi(t) + std::stol(t) + std::stoll(t);
  unsigned long positive = std::stoul(t) + std::stoull(t);
  char room[40];
  auto end = std::to_chars(room, room + sizeof room, whole);
  int back = 0;
  std::from_chars(room, end.ptr, back);
  std::to_chars(room, room + sizeof room, number);
  std::from_chars(room, end.ptr, number);
  return std::to_string(number) + std::to_string(whole) + std::to_string(positive) + t.substr(1) +
         std::to_string(std::hash<Text>{}(t) + std::hash<double>{}(number));
}

int use_pointers(std::any& any, Shape* shape) {
  auto square = std::make_shared<Square>(2.0);
  auto shared = square->shared_from_this();
  std::weak_ptr<Shape> weak = shared;
  std::shared_ptr<Shape> locked(weak);
  std::atomic_store(&shared, locked);
  any = Text("any");
  auto* derived = dynamic_cast<Square*>(shape);
  auto& cast = dynamic_cast<Square&>(*shape);
  std::type_index index(typeid(*shape));
  std::map<std::type_index, int> types{{index, 1}};
  std::function<int(int)> f = [&](int x) { return x + types[index]; };
  return f(static_cast<int>(cast.area()) + (derived != nullptr)) +
         static_cast<int>(std::any_cast<Text>(any).size());
}

int use_exceptions(int n) try {
  static const Text names[] = {"a", "b"};
  thread_local std::vector<int> own;
  own.push_back(n);
  switch (n) {
    case 0:
      throw std::runtime_error(names[0]);
    case 1:
      throw std::out_of_range("b");
    case 2:
      throw std::bad_alloc();
    case 3:
      throw std::bad_variant_access();
    case 4:
      throw std::bad_optional_access();
    case 5:
      std::rethrow_exception(std::make_exception_ptr(std::invalid_argument("c")));
    case 6:
      std::throw_with_nested(std::logic_error("d"));
    default:
      throw std::overflow_error("e");
  }
} catch (const std::exception& e) {
  return static_cast<int>(Text(e.what()).size()) + std::uncaught_exceptions();
}

void use_resources() {
  std::pmr::monotonic_buffer_resource buffer;
  std::pmr::vector<int> v(&buffer);
  v.push_back(1);
  std::pmr::unordered_map<int, std::pmr::string> m(&buffer);
  m[1] = "x";
  struct alignas(64) Wide {
    char bytes[64];
  };
  delete new Wide;
  delete[] new Wide[3];
  delete new (std::nothrow) int;
}

auto use_time() {
  return std::chrono::steady_clock::now().time_since_epoch() +
         std::chrono::system_clock::now().time_since_epoch();
}
