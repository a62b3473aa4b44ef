#include "region/library_functions.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

extern "C" __attribute__((weak)) void _start();

namespace belay::region {

namespace {

const link_map* object_of(const void* address) {
  dl_find_object found;
  return _dl_find_object(const_cast<void*>(address), &found) == 0 ? found.dlfo_link_map : nullptr;
}

const char* file_name(const link_map* object) {
  const char* slash = strrchr(object->l_name, '/');
  return slash != nullptr ? slash + 1 : object->l_name;
}

bool is_library(const link_map* object) {
  static const char* const kLibraries[] = {
      "libc.so.",   "libm.so.",      "libmvec.so.",  "ld-linux",   "linux-vdso.so.",
      "libgcc_s.",  "libstdc++.so.", "libatomic.so", "libbelay",   "libclang_rt.",
      "libasan.so", "libtsan.so",    "libubsan.so",  "liblsan.so",
  };
  const char* name = file_name(object);
  for (const char* each : kLibraries)
    if (strncmp(name, each, strlen(each)) == 0) return true;
  const char* preloaded = *name != '\0' ? getenv("LD_PRELOAD") : nullptr;
  return preloaded != nullptr && strstr(preloaded, name) != nullptr;
}

const link_map* first_object() {
  const link_map* object = object_of(reinterpret_cast<void*>(&is_library_function));
  while (object != nullptr && object->l_prev != nullptr) object = object->l_prev;
  return object;
}

bool is_static(const link_map* program) {
  for (const link_map* each = program; each != nullptr; each = each->l_next)
    if (strncmp(file_name(each), "libc.so.", 8) == 0) return false;
  return true;
}

// The linker keeps the order of the command: crt1.o, the program, this library, libc. In front of
// _start are the stubs of what libc dispatches.
bool is_after_program(const void* function) {
  return function < reinterpret_cast<void*>(&_start) ||
         function >= reinterpret_cast<void*>(&is_library_function);
}

// The object that defines what a stub in the program stands for.
const link_map* definer(const link_map* program, const char* name) {
  for (const link_map* each = program->l_next; each != nullptr; each = each->l_next) {
    void* handle = dlopen(each->l_name, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    const void* found = dlsym(handle, name);
    dlclose(handle);
    if (found != nullptr && object_of(found) == each) return each;
  }
  return nullptr;
}

// AddressSanitizer and its relatives are linked into the program.
bool is_interceptor(const void* function, const char* name) {
  char interceptor[256];
  snprintf(interceptor, sizeof interceptor, "__interceptor_%s", name);
  return strstr(name, "__interceptor_") != nullptr || dlsym(RTLD_DEFAULT, interceptor) == function;
}

// What the program itself has at that address: a stub (the address of another object's function in
// a program that is not position-independent), a sanitizer's function, or one of its own.
bool stands_for_library(const link_map* program, const void* function) {
  Dl_info found;
  const ElfW(Sym)* symbol = nullptr;
  if (dladdr1(function, &found, const_cast<void**>(reinterpret_cast<const void**>(&symbol)),
              RTLD_DL_SYMENT) == 0 ||
      symbol == nullptr || found.dli_saddr != function)
    return false;
  if (symbol->st_shndx != SHN_UNDEF) return is_interceptor(function, found.dli_sname);
  const link_map* object = definer(program, found.dli_sname);
  return object != nullptr && is_library(object);
}

// A program may have an allocator of its own, by names whose meaning the standard lays down.
bool is_allocator(const void* function) {
  static const void* const kAllocators[] = {
      reinterpret_cast<void*>(&malloc),        reinterpret_cast<void*>(&free),
      reinterpret_cast<void*>(&calloc),        reinterpret_cast<void*>(&realloc),
      reinterpret_cast<void*>(&aligned_alloc), reinterpret_cast<void*>(&posix_memalign)};
  return std::find(std::begin(kAllocators), std::end(kAllocators), function) !=
         std::end(kAllocators);
}

}  // namespace

bool is_library_function(const void* function) {
  if (is_allocator(function)) return true;
  const link_map* program = first_object();
  if (program == nullptr || is_static(program)) return is_after_program(function);
  const link_map* object = object_of(function);
  if (object == nullptr) return false;
  return object == program ? stands_for_library(program, function) : is_library(object);
}

}  // namespace belay::region
