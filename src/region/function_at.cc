#include "region/function_at.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace belay::region {

namespace {

// A file in memory, for as long as this is there. What the file says of itself is checked, since it
// may have been overwritten since it was loaded.
class MappedFile {
 public:
  explicit MappedFile(const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size > 0) {
      void* at = mmap(nullptr, static_cast<size_t>(about.st_size), PROT_READ, MAP_PRIVATE, file, 0);
      if (at != MAP_FAILED) begin_ = static_cast<const char*>(at);
      if (at != MAP_FAILED) bytes_ = static_cast<size_t>(about.st_size);
    }
    if (file >= 0) close(file);
  }
  ~MappedFile() {
    if (begin_ != nullptr) munmap(const_cast<char*>(begin_), bytes_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // Null if they are not all there.
  template <class T>
  const T* at(size_t offset, size_t count = 1) const {
    const bool there = offset <= bytes_ && count <= (bytes_ - offset) / sizeof(T);
    return there ? reinterpret_cast<const T*>(begin_ + offset) : nullptr;
  }

 private:
  const char* begin_ = nullptr;
  size_t bytes_ = 0;
};

bool copy_name(const MappedFile& file, const ElfW(Shdr) & strings, size_t index, FunctionAt* to) {
  if (index >= strings.sh_size) return false;
  const char* name = file.at<char>(strings.sh_offset + index, strings.sh_size - index);
  if (name == nullptr || memchr(name, '\0', strings.sh_size - index) == nullptr) return false;
  snprintf(to->name, sizeof to->name, "%s", name);
  return true;
}

// By the table of all symbols, unless the file has been stripped.
bool find_name(const MappedFile& file, FunctionAt* to) {
  const auto* header = file.at<ElfW(Ehdr)>(0);
  if (header == nullptr || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return false;
  const auto* sections = file.at<ElfW(Shdr)>(header->e_shoff, header->e_shnum);
  if (sections == nullptr) return false;
  for (size_t i = 0; i < header->e_shnum; i++) {
    const ElfW(Shdr)& table = sections[i];
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= header->e_shnum) continue;
    const size_t count = table.sh_size / sizeof(ElfW(Sym));
    const auto* symbols = file.at<ElfW(Sym)>(table.sh_offset, count);
    if (symbols == nullptr) return false;
    for (size_t j = 0; j < count; j++) {
      const ElfW(Sym)& each = symbols[j];
      if (ELF64_ST_TYPE(each.st_info) == STT_FUNC && to->address - each.st_value < each.st_size)
        return copy_name(file, sections[table.sh_link], each.st_name, to);
    }
  }
  return false;
}

// The program itself is known by the name that it was called by, which may lead nowhere by now.
void copy_path(const char* path, FunctionAt* to) {
  if (*path != '\0') {
    snprintf(to->file, sizeof to->file, "%s", path);
    return;
  }
  const ssize_t length = readlink("/proc/self/exe", to->file, sizeof to->file - 1);
  to->file[length < 0 ? 0 : length] = '\0';
}

}  // namespace

bool find_function(uintptr_t code, FunctionAt* found) {
  Dl_info exported;
  link_map* loaded = nullptr;
  if (dladdr1(reinterpret_cast<void*>(code), &exported, reinterpret_cast<void**>(&loaded),
              RTLD_DL_LINKMAP) == 0 ||
      loaded == nullptr)
    return false;
  copy_path(loaded->l_name, found);
  found->address = code - loaded->l_addr;
  found->name[0] = '\0';
  if (!find_name(MappedFile(found->file), found) && exported.dli_sname != nullptr)
    snprintf(found->name, sizeof found->name, "%s", exported.dli_sname);
  return true;
}

}  // namespace belay::region
