// A function of a header, which the linker takes from the first object that has it.
#pragma once

inline int count;
[[gnu::noinline]] inline void add(int value) { count += value; }
struct Base {
  virtual ~Base() = default;
  virtual void put(int value) { count = value; }
};
void (*pointer_from_elsewhere())(int);
