// Goal: what programs use of the C++ library besides containers and streams goes back: expressions,
// locks, conditions, things called once, random devices, facets of their own, nested exceptions.
#include <any>
#include <belay/region.hpp>
#include <chrono>
#include <condition_variable>
#include <locale>
#include <mutex>
#include <random>
#include <regex>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "check.h"

std::mutex lock;
std::recursive_mutex again;
std::condition_variable changed;
std::once_flag once;
int made;
std::any any = std::string("any text that is long enough for the heap");
std::regex word("([a-z]+)-([0-9]+)");
std::error_code error;

// Separates words at commas only.
struct Commas : std::ctype<char> {
  Commas() : std::ctype<char>(table()) {}
  static const mask* table() {
    static mask all[table_size] = {};
    all[static_cast<unsigned char>(',')] = space;
    return all;
  }
};

std::string nested(const std::exception& e) {
  try {
    std::rethrow_if_nested(e);
  } catch (const std::exception& inner) {
    return std::string(e.what()) + "/" + nested(inner);
  }
  return e.what();
}

void use() {
  {
    std::lock_guard<std::mutex> hold(lock);
    std::unique_lock<std::recursive_mutex> first(again), second(again);
    changed.notify_all();
  }
  std::call_once(once, [] { made++; });
  std::random_device device;
  made += device() != device() ? 1 : 2;
  std::smatch found;
  std::string text = "see item-42 there";
  CHECK(std::regex_search(text, found, word) && found[2] == "42");
  CHECK(std::regex_replace(text, word, "$2") == "see 42 there");
  word = std::regex("[0-9]{3,}");
  any = std::vector<std::string>{"other", "contents of another type"};
  error = std::make_error_code(std::errc::no_such_file_or_directory);
  CHECK(error.message() == "No such file or directory");
  std::istringstream commas("a b,c");
  commas.imbue(std::locale(commas.getloc(), new Commas));
  std::string field;
  CHECK(commas >> field && field == "a b" && commas >> field && field == "c");
  try {
    try {
      (void)std::regex("(");
    } catch (...) {
      std::throw_with_nested(std::system_error(error, "outer"));
    }
  } catch (const std::exception& e) {
    CHECK(nested(e).find("outer: No such file or directory/") == 0);
  }
  CHECK(std::chrono::steady_clock::now().time_since_epoch().count() > 0);
}

int main() {
  for (int i = 0; i < 3; i++) {
    start_ckpt();
    use();
    stop_ckpt(1);
    CHECK(made == 0 && !error && any.type() == typeid(std::string));
    CHECK(std::regex_match("abc-1", word) && lock.try_lock());
    lock.unlock();
  }
  start_ckpt();
  use();
  stop_ckpt(0);
  CHECK(made >= 2 && error && std::regex_match("123", word));
  return 0;
}
