// Goal: rarer parts of the C++ library, used in regions that are undone, and again in such as are
// not: the same happens again.
#include <unistd.h>

#include <belay/region.hpp>
#include <complex>
#include <coroutine>
#include <cstdio>
#include <exception>
#include <iostream>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <valarray>
#include <vector>

#include "check.h"

struct Numbers {
  struct promise_type {
    int value = 0;
    Numbers get_return_object() {
      return Numbers{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int n) {
      value = n;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
  int next() {
    handle.resume();
    return handle.promise().value;
  }
};

Numbers squares(int from) {
  std::string text = "of the frame";
  for (int i = from;; i++) {
    text += std::to_string(i);
    co_yield i* i + static_cast<int>(text.size() % 2);
  }
}

// Suspended before the region, resumed in it, and one that begins in it.
void coroutines() {
  Numbers outer = squares(1);
  const int first = outer.next();
  CHECK(first == 2);
  int second = 0;
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    second = outer.next();
    Numbers inner = squares(second);
    CHECK(inner.next() == second * second + (second < 10 ? 1 : 0));
    inner.handle.destroy();
    stop_ckpt(rollback);
    CHECK(second == (rollback ? 0 : 4));
    CHECK(outer.handle.promise().value == (rollback ? first : second));
  }
  CHECK(outer.next() == 10);
  outer.handle.destroy();
}

std::shared_mutex shared;
std::mutex exclusive;

void locks() {
  std::unique_lock<std::mutex> outer(exclusive, std::defer_lock);
  for (int i = 0; i < 4; i++) {
    start_ckpt();
    outer.lock();
    shared.lock_shared();
    stop_ckpt(1);
    CHECK(!outer.owns_lock());
    CHECK(exclusive.try_lock());
    exclusive.unlock();
    CHECK(shared.try_lock());
    start_ckpt();
    shared.unlock();
    { std::shared_lock<std::shared_mutex> again(shared); }
    stop_ckpt(1);
    CHECK(!shared.try_lock_shared());
    shared.unlock();
    try {
      belay::attempt([] {
        std::scoped_lock both(exclusive, shared);
        throw 1;
      });
    } catch (int) {
    }
    CHECK(exclusive.try_lock());
    exclusive.unlock();
  }
}

void input() {
  FILE* file = tmpfile();
  const std::string text = "12 word 3.5\na whole line\nlast";
  CHECK(fwrite(text.data(), 1, text.size(), file) == text.size());
  rewind(file);
  CHECK(dup2(fileno(file), STDIN_FILENO) == STDIN_FILENO);
  int number = 0;
  std::string word, line;
  double real = 0;
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    std::cin >> number >> word >> real;
    CHECK(number == 12 && word == "word" && real == 3.5);
    std::cin.ignore();
    std::getline(std::cin, line);
    CHECK(line == "a whole line");
    stop_ckpt(rollback);
  }
  CHECK(std::cin >> word && word == "last" && std::cin.eof());
}

void wide() {
  std::wstringstream stream;
  stream << L"before ";
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    stream << L"number " << 42 << L' ' << 2.5 << L' ' << std::hex << 255;
    CHECK(stream.str() == L"before number 42 2.5 ff");
    stop_ckpt(rollback);
    CHECK(stream.str() == (rollback ? L"before " : L"before number 42 2.5 ff"));
  }
  std::wstring word;
  int number = 0;
  start_ckpt();
  stream >> word >> word >> std::dec >> number;
  CHECK(word == L"number" && number == 42);
  stop_ckpt(1);
  CHECK(stream >> word && word == L"before");
}

void numbers() {
  std::valarray<double> some = {1, 2, 3, 4};
  std::vector<std::complex<double>> all(3, {1, 1});
  for (int rollback = 1; rollback >= 0; rollback--) {
    start_ckpt();
    some *= 2.0;
    some = some.cshift(1) + std::sqrt(some * some);
    CHECK(some[0] == 6 && some.sum() == 40);
    for (auto& each : all) each = std::pow(each, 2) + std::polar(1.0, 0.0);
    {
      std::ostringstream out;
      out << std::abs(all[0] - std::complex<double>(1, 2)) + 1 << ' ' << std::complex<int>(1, 2);
      CHECK(out.str() == "1 (1,2)");
    }
    stop_ckpt(rollback);
    CHECK(some.size() == 4 && some[0] == (rollback ? 1 : 6));
    CHECK(all[1].imag() < (rollback ? 1.5 : 2.5) && all[1].imag() > (rollback ? 0.5 : 1.5));
  }
}

int main() {
  coroutines();
  locks();
  input();
  wide();
  numbers();
  return 0;
}
