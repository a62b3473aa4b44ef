// Goal: streams go back, with the files that they have written, positions and locales; what is
// written to the standard streams waits for the commit.
// Output: kept
// Output: end
#include <belay/region.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <locale>
#include <map>
#include <sstream>
#include <string>

#include "check.h"
static std::string slurp(const char* p) {
  std::ifstream f(p);
  std::ostringstream s;
  s << f.rdbuf();
  return s.str();
}
std::stringstream global;
std::fstream data;
void mess(const std::string& a, const std::string& b, int k) {
  global << "more" << std::setw(10) << 3.14159 << std::fixed << "x";
  std::string w;
  global >> w;
  CHECK(w == "start");
  std::ofstream o(b);
  o << "new file " << k << "\n";
  o.close();
  CHECK(slurp(b.c_str()) == "new file " + std::to_string(k) + "\n");
  std::ofstream t(a, std::ios::trunc);
  t << "gone";
  t.flush();
  CHECK(slurp(a.c_str()) == "gone");
  t.close();
  std::string l;
  std::getline(data, l);
  data.clear();
  data.seekp(0);
  data << "ZZZ";
  data.flush();
  CHECK(std::ios::sync_with_stdio(false));
  std::cin.tie(nullptr);
  std::cout << "never" << std::setprecision(9) << std::endl;
  std::cerr << "never" << 1 << "\n";
  std::clog << "never\n";
  std::locale old = std::locale::global(std::locale("C"));
  std::locale mine(std::locale(), new std::numpunct<char>);
  std::ostringstream os;
  os.imbue(mine);
  os << 12345.5 << ' ' << true << std::boolalpha << true;
  CHECK(os.str() == "12345.5 1true");
  if (k == 1) std::cout.imbue(mine);
}

int main() {
  char folder[] = "/tmp/belay.streams.XXXXXX";
  CHECK(mkdtemp(folder) != nullptr);
  std::string dir = std::string(folder) + "/";
  std::string a = dir + "fa.txt", b = dir + "fb.txt";
  { std::ofstream(a) << "one\ntwo\n"; }
  unlink(b.c_str());
  global << "start " << 1.25 << std::hex << 255;
  std::string g0 = global.str();
  data.open(a, std::ios::in | std::ios::out);
  std::string l;
  std::getline(data, l);
  CHECK(l == "one");
  auto pos = data.tellg();
  std::cout.precision(3);
  for (int k = 0; k < 3; k++) {
    start_ckpt();
    mess(a, b, k);
    stop_ckpt(1);
    CHECK(global.str() == g0);
    CHECK(access(b.c_str(), F_OK) != 0);
    CHECK(slurp(a.c_str()) == "one\ntwo\n");
    CHECK(data.tellg() == pos);
    CHECK(std::cout.precision() == 3);
  }
  std::getline(data, l);
  CHECK(l == "two");
  start_ckpt();
  {
    std::ofstream o(b);
    o << "kept" << 5 << '\n';
    std::cout << "kept" << std::endl;
    global << "added";
  }
  stop_ckpt(0);
  CHECK(slurp(b.c_str()) == "kept5\n");
  CHECK(global.str() == g0 + "added");
  std::cout << "end\n";
  unlink(a.c_str());
  unlink(b.c_str());
  rmdir(folder);
}
