#include <belay/region.hpp>
#include <cstdio>
#include <map>
#include <string>

extern std::map<std::string, int> names;
void add_name(const char* name, int value);
extern "C" void put_cell(int at, int value);
extern "C" int cells[8];

int main() {
  add_name("first", 1);
  for (bool keep : {false, true}) {
    belay::attempt([&] {
      add_name("a name that is too long to be kept in the string itself", 2);
      put_cell(3, 9);
      return keep;
    });
    std::printf("%zu %d\n", names.size(), cells[3]);
  }
}
