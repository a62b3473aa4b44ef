"""C++ programs for the campaign: random operations on containers, virtual calls, exceptions."""

import pathlib
import re

OPERATIONS = [line for line in (pathlib.Path(__file__).parent / "operations.txt").read_text(
    encoding="utf-8").splitlines() if not line.startswith("#")]
BEGIN = """#include "rare.hpp"
#include <cstdlib>

__attribute__((noinline)) static void throw_if(bool condition, int number) {
  number = std::abs(number % 1000);
  if (condition) throw Stop(number, std::string(number % 40 + 3, 'e'));
}
"""


def generate(rng):
    parts = [BEGIN]
    count = rng.randint(4, 7)
    sites = iter(range(1, 1 << 20))
    for index in range(count):
        parts.append(function(rng, index, sites))
    calls = "\n".join(f"      case {i}: op_{i}(x); break;" for i in range(count))
    parts.append(f"""int main() {{
  for (int i = 0; i < {rng.randint(6, 14)}; i++) {{
    int x = (i * {rng.randint(3, 999)}) % 997;
    try {{
      switch (x % {count}) {{
{calls}
      }}
    }} catch (const Stop& stop) {{
      fold(stop.number);
      state.text += stop.why;
    }}
  }}
  print_state();
  print_rare();
}}
""")
    return "\n".join(parts)


def function(rng, index, sites):
    inline = rng.choice(["static ", "static __attribute__((noinline)) ", "inline ", ""])
    body = "\n".join(step(rng, index, sites, 0) for _ in range(rng.randint(2, 5)))
    return f"{inline}int op_{index}(int x) {{\n  int local = x;\n{body}\n  return local;\n}}\n"


def step(rng, index, sites, depth):
    kind = rng.random()
    steps = "\n".join(step(rng, index, sites, depth + 1) for _ in range(rng.randint(1, 3))) \
        if kind < 0.5 and depth < 3 else ""
    if steps and kind < 0.12:
        return f"  for (int i = 0; i < {rng.randint(2, 4)}; i++) {{ local += i;\n{steps}\n  }}"
    if steps and kind < 0.30:
        keep = rng.choice(["true", "state.sum % 2 == 0", "local % 3 != 0", "false"])
        return (f"  if (try_region({next(sites)}, [&] {{\n{steps}\n  return {keep}; }}))"
                f" fold({rng.randint(1, 99)});")
    if steps:
        # What is thrown may not leave a region whose outer one is in the same function: the plugin
        # refuses a marker that is reached from two depths.
        return (f"RG_BEGIN({next(sites)})\n  [&]() noexcept {{ try {{\n{steps}\n"
                f"  }} catch (const Stop& stop) {{ local += stop.number; }} }}();\nRG_END")
    if index and kind > 0.85:
        return f"  local ^= op_{rng.randrange(index)}(local % 97);"
    return "  " + operation(rng) + f" local = (local * 7 + {rng.randint(1, 99)}) % 9973;"


def operation(rng):
    return fill_in(rng, rng.choice(OPERATIONS), "(local % 211 + 211)")


def fill_in(rng, text, computed):
    """The operation with its letters replaced."""
    word = '"' + "".join(rng.choice("abcdef") for _ in range(rng.randint(1, 30))) + '"'
    number = {"N1": rng.randint(1, 9), "M1": rng.randint(2, 9), "N": rng.randint(0, 120),
              "M": rng.randint(1, 60)}
    out, index = [], 0
    for match in re.finditer(r"\b(N1|M1|N|M|X|W)\b", text):
        out.append(text[index:match.start()])
        key = match[0]
        out.append({"W": word, "X": computed}.get(key) or str(number[key]))
        index = match.end()
    return "".join(out) + text[index:]
