// std::__basic_file, what is below the file streams: a FILE * whose descriptor is used directly.
// Regular files are written at once, and what they were is put back by a rollback; what goes to
// anything else waits for the commit.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ios>

#include "region/cxx/effect.h"
#include "region/cxx/saved_file.h"

using namespace belay::region;

extern "C" {
struct BasicFile {
  FILE* file;
  bool created;
};
}

namespace {

// An open file that a rollback closes, and a close that waits for the commit.
void close_file(void* file) { fclose(static_cast<FILE*>(file)); }

bool may_write(std::ios_base::openmode mode) {
  return (mode & (std::ios_base::out | std::ios_base::app | std::ios_base::trunc)) != 0;
}

bool may_truncate(std::ios_base::openmode mode) {
  return (mode & std::ios_base::trunc) != 0 || (mode & (std::ios_base::out | std::ios_base::in |
                                                        std::ios_base::app)) == std::ios_base::out;
}

}  // namespace

CXX_EFFECT(BasicFile*, _ZNSt12__basic_fileIcE4openEPKcSt13_Ios_Openmodei,
           (BasicFile * self, const char* name, std::ios_base::openmode mode, int protection)) {
  if (self->file == nullptr && may_write(mode)) save_file(name, may_truncate(mode));
  log(self);
  BasicFile* result =
      _ZNSt12__basic_fileIcE4openEPKcSt13_Ios_Openmodei(self, name, mode, protection);
  if (result != nullptr) belay_on_rollback(close_file, self->file);
  return result;
}

// Its descriptor stays open until nothing can undo the closing.
CXX_EFFECT(BasicFile*, _ZNSt12__basic_fileIcE5closeEv, (BasicFile * self)) {
  if (self->file == nullptr) return nullptr;
  log(self);
  if (self->created) {
    fflush(self->file);
    belay_on_commit(close_file, self->file);
  }
  self->file = nullptr;
  return self;
}
CXX_EFFECT(void, _ZNSt12__basic_fileIcED1Ev, (BasicFile * self)) {
  fx__ZNSt12__basic_fileIcE5closeEv(self);
}
CXX_EFFECT(void, _ZNSt12__basic_fileIcED2Ev, (BasicFile * self)) {
  fx__ZNSt12__basic_fileIcE5closeEv(self);
}
CXX_EFFECT(void, _ZNSt12__basic_fileIcEC1EP15pthread_mutex_t, (BasicFile * self, void*)) {
  log(self);
  *self = {nullptr, false};
}
CXX_EFFECT(void, _ZNSt12__basic_fileIcEC2EP15pthread_mutex_t, (BasicFile * self, void*)) {
  log(self);
  *self = {nullptr, false};
}

CXX_EFFECT(std::streamsize, _ZNSt12__basic_fileIcE6xsputnEPKcl,
           (BasicFile * self, const char* data, std::streamsize bytes)) {
  return write_undoably(fileno(self->file), data, static_cast<size_t>(bytes)) ? bytes : 0;
}
CXX_EFFECT(std::streamsize, _ZNSt12__basic_fileIcE8xsputn_2EPKclS2_l,
           (BasicFile * self, const char* first, std::streamsize first_bytes, const char* second,
            std::streamsize second_bytes)) {
  if (fx__ZNSt12__basic_fileIcE6xsputnEPKcl(self, first, first_bytes) != first_bytes) return 0;
  return first_bytes + fx__ZNSt12__basic_fileIcE6xsputnEPKcl(self, second, second_bytes);
}
CXX_EFFECT(std::streamsize, _ZNSt12__basic_fileIcE6xsgetnEPcl,
           (BasicFile * self, char* to, std::streamsize bytes)) {
  keep_offset(fileno(self->file));
  belay_backup(to, static_cast<size_t>(bytes));
  return _ZNSt12__basic_fileIcE6xsgetnEPcl(self, to, bytes);
}
CXX_EFFECT(std::streamoff, _ZNSt12__basic_fileIcE7seekoffElSt12_Ios_Seekdir,
           (BasicFile * self, std::streamoff offset, std::ios_base::seekdir way)) {
  keep_offset(fileno(self->file));
  return _ZNSt12__basic_fileIcE7seekoffElSt12_Ios_Seekdir(self, offset, way);
}
CXX_EFFECT(int, _ZNSt12__basic_fileIcE4syncEv, (BasicFile * self)) {
  return fflush(self->file);  // of a buffer that nothing has been written to here
}
