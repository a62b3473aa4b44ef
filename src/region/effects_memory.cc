// dirent.h, glob.h, dlfcn.h, regex.h, iconv.h, locale.h: what libc or the system holds
// for the program is given up by a rollback if the region asked for it, and by a commit if the
// region gave it up.
#include <dirent.h>
#include <dlfcn.h>
#include <glob.h>
#include <iconv.h>
#include <link.h>
#include <locale.h>
#include <regex.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "region/actions.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/written.h"

using namespace belay::region;

namespace {

// Contents as of now, in a block of its own.
template <class T>
T* copy_of(const T* from) {
  auto* made = static_cast<T*>(malloc(sizeof(T)));
  if (made == nullptr) fatal("no memory for %zu bytes", sizeof(T));
  memcpy(made, from, sizeof(T));
  return made;
}

template <class T, void (*release)(T*)>
void release_copy(void* argument) {
  release(static_cast<T*>(argument));
  free(argument);
}

}  // namespace

EFFECT(int, dl_iterate_phdr, (int (*each)(dl_phdr_info*, size_t, void*), void* argument)) {
  return dl_iterate_phdr(clone_of(each), argument);
}
EFFECT(int, dlclose, (void* library)) {
  on_commit([](void* each) { dlclose(each); }, library);
  return 0;
}

namespace {

void close_folder(void* folder) { closedir(static_cast<DIR*>(folder)); }

struct Position {
  DIR* folder;
  long at;
};
void seek_folder(void* argument) {
  auto* position = static_cast<Position*>(argument);
  seekdir(position->folder, position->at);
  free(position);
}

DIR* opened_folder(DIR* folder) {
  if (folder == nullptr || !in_region()) return folder;
  add_noted(folder)->opened_here = true;
  on_rollback(close_folder, folder);
  return folder;
}

void note_folder(DIR* folder) {
  if (!in_region() || find_noted(folder) != nullptr) return;
  add_noted(folder);
  const Position now = {folder, telldir(folder)};
  on_rollback_only(seek_folder, copy_of(&now));
}

}  // namespace

EFFECT(DIR*, opendir, (const char* path)) { return opened_folder(opendir(path)); }
EFFECT(DIR*, fdopendir, (int descriptor)) { return opened_folder(fdopendir(descriptor)); }
EFFECT(dirent*, readdir, (DIR * folder)) {
  note_folder(folder);
  return readdir(folder);
}
EFFECT(dirent64*, readdir64, (DIR * folder)) {
  note_folder(folder);
  return readdir64(folder);
}
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
EFFECT(int, readdir_r, (DIR * folder, dirent* to, dirent** result)) {
  note_folder(folder);
  log_spans(object(to), object(result));
  return readdir_r(folder, to, result);
}
EFFECT(int, readdir64_r, (DIR * folder, dirent64* to, dirent64** result)) {
  note_folder(folder);
  log_spans(object(to), object(result));
  return readdir64_r(folder, to, result);
}
#pragma GCC diagnostic pop
EFFECT(void, rewinddir, (DIR * folder)) {
  note_folder(folder);
  rewinddir(folder);
}
EFFECT(void, seekdir, (DIR * folder, long at)) {
  note_folder(folder);
  seekdir(folder, at);
}
EFFECT(int, closedir, (DIR * folder)) {
  if (!in_region()) return closedir(folder);
  const Noted* known = find_noted(folder);
  const bool fresh = known != nullptr && known->opened_here;
  forget_noted(folder);
  if (fresh && cancel_action(close_folder, folder)) return closedir(folder);
  on_commit(close_folder, folder);
  return 0;
}

namespace {

template <class Entry>
int born_entries(Entry*** out, int count) {
  for (int i = 0; i < count; i++) born_by_malloc((*out)[i]);
  if (count >= 0) born_by_malloc(*out);
  return count;
}

}  // namespace

EFFECT(int, scandir,
       (const char* path, dirent*** out, int (*wants)(const dirent*),
        int (*compare)(const dirent**, const dirent**))) {
  log_bytes(out, sizeof *out);
  return born_entries(out, scandir(path, out, clone_of(wants), clone_of(compare)));
}
EFFECT(int, scandir64,
       (const char* path, dirent64*** out, int (*wants)(const dirent64*),
        int (*compare)(const dirent64**, const dirent64**))) {
  log_bytes(out, sizeof *out);
  return born_entries(out, scandir64(path, out, clone_of(wants), clone_of(compare)));
}

// They copy the object, which may have moved by then.
#define BELAY_HOLDS(type, name, make, parameters, arguments, release)                            \
  EFFECT(int, make, parameters) {                                                                \
    log_bytes(out, sizeof *out);                                                                 \
    int result = make arguments;                                                                 \
    if (result == 0 && in_region()) on_rollback_only(release_copy<type, release>, copy_of(out)); \
    return result;                                                                               \
  }                                                                                              \
  EFFECT(void, release, (type * out)) {                                                          \
    if (!in_region()) return release(out);                                                       \
    on_commit(release_copy<type, release>, copy_of(out));                                        \
  }
BELAY_HOLDS(regex_t, regex, regcomp, (regex_t * out, const char* pattern, int flags),
            (out, pattern, flags), regfree)
BELAY_HOLDS(glob_t, glob, glob,
            (const char* pattern, int flags, int (*fails)(const char*, int), glob_t* out),
            (pattern, flags, clone_of(fails), out), globfree)
BELAY_HOLDS(glob64_t, glob64, glob64,
            (const char* pattern, int flags, int (*fails)(const char*, int), glob64_t* out),
            (pattern, flags, clone_of(fails), out), globfree64)
#undef BELAY_HOLDS

EFFECT(iconv_t, iconv_open, (const char* to, const char* from)) {
  iconv_t made = iconv_open(to, from);
  if (made != iconv_t(-1)) on_rollback([](void* each) { iconv_close(each); }, made);
  return made;
}
EFFECT(int, iconv_close, (iconv_t of)) {
  on_commit([](void* each) { iconv_close(each); }, of);
  return 0;
}

namespace {

struct Locale {
  int category;
  char name[];
};

void set_locale(void* argument) {
  auto* locale = static_cast<Locale*>(argument);
  setlocale(locale->category, locale->name);
  free(locale);
}

}  // namespace

EFFECT(char*, setlocale, (int category, const char* name)) {
  if (name != nullptr && in_region()) {
    const char* now = setlocale(category, nullptr);
    if (now != nullptr && strcmp(now, name) != 0) {
      auto* old = static_cast<Locale*>(malloc(sizeof(Locale) + strlen(now) + 1));
      if (old == nullptr) fatal("no memory for the name of a locale");
      old->category = category;
      memcpy(old->name, now, strlen(now) + 1);
      on_rollback_only(set_locale, old);
    }
  }
  return setlocale(category, name);
}
// It fills an object of libc's, whose address nothing else tells.
static lconv* conventions;
__attribute__((constructor(101))) static void find_conventions() { conventions = localeconv(); }

EFFECT(lconv*, localeconv, ()) {
  log_spans(object(conventions));
  return localeconv();
}
EFFECT(locale_t, newlocale, (int mask, const char* name, locale_t base)) {
  locale_t made = newlocale(mask, name, base != nullptr ? duplocale(base) : nullptr);
  if (made == nullptr) return made;
  on_rollback([](void* each) { freelocale(static_cast<locale_t>(each)); }, made);
  if (base != nullptr && in_region())
    on_commit([](void* each) { freelocale(static_cast<locale_t>(each)); }, base);
  return made;
}
EFFECT(locale_t, uselocale, (locale_t wanted)) {
  locale_t old = uselocale(wanted);
  if (wanted != nullptr)
    on_rollback([](void* each) { uselocale(static_cast<locale_t>(each)); }, old);
  return old;
}
EFFECT(void, freelocale, (locale_t of)) {
  on_commit([](void* each) { freelocale(static_cast<locale_t>(each)); }, of);
}
