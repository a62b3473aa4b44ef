// A parser as many are: it keeps what it has read in globals, allocates as it goes, forgets to free
// on its error paths, and has no way to begin anew. A line is a command: `set NAME text`, `drop
// NAME`, `say text` with $NAME expanded, `open`, `close`. Somewhere in it is a bug.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "repeatable.h"

// Where the parser has been: one bit each, as a compiler's coverage would tell.
struct Coverage {
  static constexpr size_t kBits = 256;
  uint64_t words[kBits / 64];
  uint64_t crashes;

  void add(unsigned bit) { words[bit / 64 % (kBits / 64)] |= uint64_t{1} << (bit % 64); }
};

namespace parser {

inline std::map<std::string, std::string> names;
inline std::vector<std::vector<std::string>*> scopes;  // the names that each has set
inline std::string output;
inline Coverage* coverage;

inline void here(unsigned bit) { coverage->add(bit); }

inline bool expand(std::string_view text, int depth) {
  if (depth > 8) return here(1), false;
  for (size_t at = 0; at < text.size(); at++) {
    if (text[at] != '$') {
      output += text[at];
      continue;
    }
    size_t end = at + 1;
    while (end < text.size() && text[end] >= 'a' && text[end] <= 'z') end++;
    auto found = names.find(std::string(text.substr(at + 1, end - at - 1)));
    if (found == names.end()) return here(2), false;
    here(16 + unsigned(depth));
    if (!expand(found->second, depth + 1)) return here(3), false;
    at = end - 1;
  }
  if (depth > 3 && scopes.size() > 2) coverage->crashes++;  // the bug
  return true;
}

inline void open_scope() {
  scopes.push_back(new std::vector<std::string>);
  here(32 + unsigned(scopes.size() % 16));
}

inline bool close_scope() {
  if (scopes.empty()) return here(4), false;
  for (const std::string& name : *scopes.back()) names.erase(name);
  scopes.pop_back();  // and the list is lost
  return here(5), true;
}

inline bool set(std::string_view rest) {
  size_t space = rest.find(' ');
  if (space == rest.npos) return here(6), false;
  std::string name(rest.substr(0, space));
  here(names.count(name) != 0 ? 7 : 8);
  names[name] = rest.substr(space + 1);
  if (!scopes.empty()) scopes.back()->push_back(name);
  return true;
}

inline bool parse_line(std::string_view line) {
  char* copy = strndup(line.data(), line.size());
  auto begins = [&](const char* word) { return strncmp(copy, word, strlen(word)) == 0; };
  bool good = false;
  if (begins("set "))
    good = set(line.substr(4));
  else if (begins("drop "))
    good = names.erase(std::string(line.substr(5))) > 0, here(good ? 10 : 11);
  else if (begins("say "))
    good = expand(line.substr(4), 0);
  else if (line == "open")
    good = true, open_scope();
  else if (line == "close")
    good = close_scope();
  if (good) std::free(copy);  // only then
  return good;
}

inline void parse(std::string_view text) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (!parse_line(line) && output.size() > 10'000) return here(12);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

// What a program reads before it comes to the input: here, some thousand definitions.
inline void warm_up(Coverage* where) {
  coverage = where;
  Random random(1);
  for (int i = 0; i < 5000; i++) {
    std::string line = "set ";
    for (int n = 0; n < 3; n++) line += char('a' + random.below(26));
    parse_line(line + " text " + std::to_string(i));
  }
  for (char name = 'a'; name < 'e'; name++)
    parse_line(std::string("set ") + name + " $" + char(name + 1));
  parse_line("set e end");
}

}  // namespace parser

// An input like `base`, with a line or two changed.
inline std::string mutate(std::string base, Random& random) {
  static const char* const kLines[] = {"set a $b\n",   "set f x\n", "drop e\n",   "say $a\n",
                                       "say $f\n",     "open\n",    "close\n",    "nothing\n",
                                       "set g $f$e\n", "say $g!\n", "say $zzz\n", "set b $b\n"};
  for (uint64_t n = 1 + random.below(2); n > 0; n--) {
    size_t at = base.empty() ? 0 : size_t(random.below(base.size()));
    at = at == 0 ? 0 : base.rfind('\n', at - 1) + 1;  // the start of a line
    if (random.below(4) == 0 && !base.empty())
      base.erase(at, base.find('\n', at) + 1 - at);
    else
      base.insert(at, kLines[random.below(sizeof kLines / sizeof kLines[0])]);
  }
  return base.size() > 400 ? std::string() : base;
}
