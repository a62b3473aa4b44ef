// A function of one instruction, as a program that compiles at run time would make it.
#pragma once

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../victims/check.h"

#if defined(__x86_64__)
static const unsigned char code[] = {0xc3};  // ret
#elif defined(__aarch64__)
static const unsigned char code[] = {0xc0, 0x03, 0x5f, 0xd6};  // ret
#endif

// On the page of `at`, which becomes a mapping of its own.
static inline void put_code(char* at) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* begin = at - (size_t)at % page;
  CHECK(mmap(begin, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        begin);
  memcpy(at, code, sizeof code);
  CHECK(mprotect(begin, page, PROT_READ | PROT_EXEC) == 0);
  __builtin___clear_cache(at, at + sizeof code);
}
