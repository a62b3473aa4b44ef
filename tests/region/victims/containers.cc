// Goal: the containers of the standard library, global and local, go back with everything they own.
#include <belay/region.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>
struct Base {
  virtual ~Base() = default;
  virtual int f(int) = 0;
};
struct D1 : Base {
  int n = 0;
  int f(int x) override {
    n += x;
    return n;
  }
};
struct World {
  std::vector<int> v;
  std::map<int, std::string> m;
  std::set<int> s;
  std::unordered_map<std::string, int> u;
  std::deque<int> d;
  std::list<int> l;
  std::shared_ptr<D1> p;
  std::function<int(int)> fn;
  std::optional<std::string> o;
  std::variant<int, std::string> var;
  std::string str;
  int counter = 0;
  std::string dump() const {
    std::string r;
    auto num = [&](long x) {
      r += std::to_string(x);
      r += ',';
    };
    for (int x : v) num(x);
    r += '|';
    for (auto& [k, x] : m) {
      num(k);
      r += x;
    }
    r += '|';
    for (int x : s) num(x);
    r += '|';
    std::vector<std::string> ks;
    for (auto& [k, x] : u) ks.push_back(k + std::to_string(x));
    std::sort(ks.begin(), ks.end());
    for (auto& k : ks) r += k;
    r += '|';
    for (int x : d) num(x);
    r += '|';
    for (int x : l) num(x);
    r += '|';
    num(p ? p->n : -1);
    r += o ? *o : "none";
    r += std::holds_alternative<int>(var) ? std::to_string(std::get<int>(var))
                                          : std::get<std::string>(var);
    r += str;
    num(counter);
    num((long)u.bucket_count() > 0);
    num((long)p.use_count());
    return r;
  }
  void fill(int n) {
    for (int i = 0; i < n; i++) {
      v.push_back(i * 7 % 13);
      m[i * 5 % 17] = "value number " + std::to_string(i) + " long enough for the heap";
      s.insert(i * 11 % 23);
      u["key" + std::to_string(i)] = i;
      d.push_back(i);
      d.push_front(-i);
      l.push_back(i);
    }
    p = std::make_shared<D1>();
    fn = [q = p](int x) { return q->f(x); };
    o = "optional text that is long enough for heap";
    var = std::string("variant text that is long enough");
    str = "abc";
  }
  void mess(int n) {
    for (int i = 0; i < n; i++) {
      v.push_back(i);
      m.erase(i);
      m[i + 100] = "new";
      s.erase(i * 2);
      s.insert(1000 + i);
      u.erase("key" + std::to_string(i));
      u["other" + std::to_string(i)] = i;
      d.pop_front();
      d.push_back(i * i);
      l.remove(i);
      l.push_front(i);
      counter += fn(i);
      Base* b = p.get();
      counter += b->f(2);
    }
    std::sort(v.begin(), v.end());
    std::reverse(v.begin(), v.end());
    l.sort();
    l.reverse();
    o.reset();
    var = 5;
    str += " more text to make it long and on the heap now";
    auto q = p;
    p = std::make_shared<D1>();
    p->n = 99;
    u.rehash(1000);
    m.clear();
    std::stable_sort(d.begin(), d.end());
  }
};
World w;
bool keepit = false;
int main() {
  w.fill(40);
  std::string before = w.dump();
  for (int round = 0; round < 3; round++) {
    start_ckpt();
    w.mess(20);
    stop_ckpt(1);
    if (w.dump() != before) {
      printf("DIFF\n%s\n%s\n", before.c_str(), w.dump().c_str());
      return 1;
    }
  }
  // local containers
  std::vector<int> lv{1, 2, 3};
  std::string ls = "local";
  World lw;
  lw.fill(10);
  auto lb = lw.dump();
  start_ckpt();
  lv.push_back(4);
  lv[0] = 9;
  ls += "change";
  lw.mess(8);
  stop_ckpt(1);
  if (lv != std::vector<int>{1, 2, 3} || ls != "local" || lw.dump() != lb) {
    puts("local DIFF");
    return 2;
  }
  // exceptions
  bool caught = false;
  try {
    start_ckpt();
    try {
      w.mess(5);
      if (w.counter > 0) throw std::runtime_error("boom" + std::to_string(w.counter));
      stop_ckpt(0);
    } catch (std::exception& e) {
      stop_ckpt(1);
      std::string msg = e.what();
      if (msg.substr(0, 4) != "boom") return 4;
      throw;
    }
  } catch (std::runtime_error&) {
    caught = true;
  }
  if (!caught || w.dump() != before) {
    puts("exc DIFF");
    return 3;
  }
  World copy = w;
  copy.mess(20);
  auto want = copy.dump();
  start_ckpt();
  w.mess(20);
  stop_ckpt(0);
  puts("cc ok");
  return 0;
}
