// Goal: after the rollback of a region that has made locales, named ones, copies with a facet of
// its own, combinations, and streams that use them, libstdc++'s data is word by word what it was:
// no facet is counted once too often.
#include <link.h>

#include <belay/region.hpp>
#include <cstring>
#include <functional>
#include <locale>
#include <sstream>
#include <vector>

#include "check.h"

namespace {

struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
};

void write(const std::locale& locale, const char* wanted) {
  std::ostringstream out;
  out.imbue(locale);
  out << 1.5;
  CHECK(out.str() == wanted);
}

const std::function<void()> uses[] = {
    [] { write(std::locale::classic(), "1.5"); },
    [] { write(std::locale("C"), "1.5"); },
    [] { write(std::locale("C.UTF-8"), "1.5"); },
    [] { write(std::locale(std::locale::classic(), new Comma), "1,5"); },
    [] { write(std::locale(std::locale("C.UTF-8"), new Comma), "1,5"); },
    [] { write(std::locale(std::locale("C"), "C.UTF-8", std::locale::numeric), "1.5"); },
    [] { write(std::locale().combine<std::numpunct<char>>(std::locale("C.UTF-8")), "1.5"); },
    [] { (void)new std::locale(std::locale::classic(), new Comma); },
    [] { std::locale::global(std::locale(std::locale::classic(), new Comma)); },
    [] {
      std::istringstream in("1,5");
      in.imbue(std::locale(std::locale::classic(), new Comma));
      double value;
      CHECK(in >> value && value == 1.5);
    },
};

using Word = uintptr_t;

std::vector<Word> data_of_libstdcxx() {
  std::vector<Word> words;
  auto add = [](dl_phdr_info* object, size_t, void* to) {
    if (std::strstr(object->dlpi_name, "libstdc++") == nullptr) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
      const auto& part = object->dlpi_phdr[i];
      if (part.p_type != PT_LOAD || (part.p_flags & PF_W) == 0) continue;
      const auto* first = reinterpret_cast<const Word*>(object->dlpi_addr + part.p_vaddr);
      auto& all = *static_cast<std::vector<Word>*>(to);
      all.insert(all.end(), first, first + part.p_memsz / sizeof(Word));
    }
    return 1;
  };
  dl_iterate_phdr(add, &words);
  return words;
}

}  // namespace

int main() {
  for (const auto& use : uses) {
    for (int round = 0; round < 3; round++) {
      // The first round binds functions, and makes what is made once.
      const std::vector<Word> before = data_of_libstdcxx();
      CHECK(before.size() > 100);
      start_ckpt();
      use();
      stop_ckpt(1);
      CHECK(round == 0 || data_of_libstdcxx() == before);
    }
  }
  return 0;
}
