// obstack.h. Libc moves and releases chunks by functions of the program, whose clones take their
// place during the call.
#include <obstack.h>

#include <cstring>

#include "region/effect.h"

using namespace belay::region;

namespace {

class WithClones {
 public:
  explicit WithClones(obstack* of) : of_(of), chunk_(of->chunkfun), free_(of->freefun) {
    log_bytes(of, sizeof *of);
    of->chunkfun = clone_of(chunk_);
    of->freefun = clone_of(free_);
  }
  ~WithClones() {
    of_->chunkfun = chunk_;
    of_->freefun = free_;
  }

 private:
  obstack* of_;
  decltype(obstack::chunkfun) chunk_;
  decltype(obstack::freefun) free_;
};

}  // namespace

// The chunk's header goes to memory that is born in the region.
EFFECT(int, _obstack_begin,
       (obstack * of, int bytes, int alignment, void* (*chunk)(long), void (*release)(void*))) {
  log_bytes(of, sizeof *of);
  const int result = _obstack_begin(of, bytes, alignment, clone_of(chunk), clone_of(release));
  // Both are declared as functions of other types, which libc calls as these.
  memcpy(&of->chunkfun, &chunk, sizeof chunk);
  memcpy(&of->freefun, &release, sizeof release);
  return result;
}
EFFECT(void, _obstack_newchunk, (obstack * of, int bytes)) {
  WithClones calls(of);
  _obstack_newchunk(of, bytes);
}
#undef obstack_free
EFFECT(void, obstack_free, (obstack * of, void* object)) {
  WithClones calls(of);
  obstack_free(of, object);
}
