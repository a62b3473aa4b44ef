#include "savepoint/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "base/number_list.h"
#include "base/syscall.h"

namespace belay {
namespace {

constexpr size_t kPathBytes = 4096;

int64_t offset_of(int fd) {
  long offset = sys::call(SYS_lseek, fd, 0, SEEK_CUR);
  return offset < 0 ? -1 : offset;
}

bool has_offset(uint32_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

// What was printed has been seen.
bool offset_goes_back(const OpenFile& file) {
  return file.offset >= 0 && file.fd != STDOUT_FILENO && file.fd != STDERR_FILENO;
}

const char* kind_of(uint32_t mode) {
  return S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "no regular file";
}

// Returns how many bytes there are, without a NUL.
size_t path_of(int fd, char (&out)[kPathBytes]) {
  char link[32];
  *fmt::format_to_n(link, sizeof link - 1, "/proc/self/fd/{}", fd).out = '\0';
  long n = sys::call(SYS_readlinkat, AT_FDCWD, link, out, sizeof out - 1);
  return n < 0 ? 0 : size_t(n);
}

Result<int> open_again(FileTable& table, const OpenFile& file) {
  const char* path = table.text() + file.path;
  if (!has_offset(file.mode))
    return fail(ENOTSUP, "cannot roll back: descriptor {}, {}, was closed since", file.fd,
                kind_of(file.mode));
  int flags = (file.flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_CLOEXEC;
  long fd = sys::call(SYS_openat, AT_FDCWD, path, flags, 0);
  struct stat found {};
  if (fd >= 0) sys::call(SYS_fstat, fd, &found);
  if (fd >= 0 && found.st_ino == file.inode && found.st_dev == file.device) return int(fd);
  if (fd >= 0) sys::call(SYS_close, fd);
  return fail(fd < 0 ? int(-fd) : ESTALE,
              "cannot roll back: {}, which was open as {}, can't be opened again: {}", path,
              file.fd, fd < 0 ? errno_text(int(-fd)) : "it is another file by now");
}

}  // namespace

void OpenFiles::open(std::span<const int> own, BlockPool& pool) {
  pool_ = &pool;
  directory_fd_ =
      int(sys::call(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  own_count_ = 0;
  for (int fd : own)
    if (fd >= 0) own_[own_count_++] = fd;
  if (directory_fd_ >= 0) own_[own_count_++] = directory_fd_;
}

Status OpenFiles::exempt(int fd) {
  OpenFile file;
  if (!look_at(fd, &file)) return fail(EBADF, "descriptor {} is not open", fd);
  if (is_own(fd)) return {};
  if (own_count_ == kOwnMax) return fail(ENOSPC, "too many exempt descriptors");
  own_[own_count_++] = fd;
  return {};
}

void OpenFiles::close() { sys::call(SYS_close, directory_fd_); }

bool OpenFiles::is_own(int fd) const {
  for (size_t i = 0; i < own_count_; i++)
    if (own_[i] == fd) return true;
  return false;
}

bool OpenFiles::look_at(int fd, OpenFile* out) const {
  struct stat found {};
  if (sys::call(SYS_fstat, fd, &found) < 0) return false;
  out->fd = fd;
  out->mode = found.st_mode & S_IFMT;
  out->device = found.st_dev;
  out->inode = found.st_ino;
  out->offset = has_offset(out->mode) ? offset_of(fd) : -1;
  return true;
}

// Whether the same descriptors are open as the same files; offsets aside.
bool OpenFiles::same_files(FileTable& table) const {
  // Linux >= 6.2 says how many are open; an older one, 0.
  struct stat all {};
  if (sys::call(SYS_fstat, directory_fd_, &all) < 0) return false;
  if (uint64_t(all.st_size) != table.count + own_count_) return false;
  for (const OpenFile& file : table.files()) {
    struct stat found {};
    if (is_own(file.fd) || sys::call(SYS_fstat, file.fd, &found) < 0 ||
        found.st_ino != file.inode || found.st_dev != file.device ||
        (found.st_mode & S_IFMT) != file.mode)
      return false;
  }
  return true;
}

Result<FileTable*> OpenFiles::read(FileTable* known) {
  if (known == nullptr || !same_files(*known)) return read_anew();
  bool same = true;
  for (const OpenFile& file : known->files())
    same = same && (file.offset < 0 || offset_of(file.fd) == file.offset);
  if (same) {
    known->owners++;
    return known;
  }
  auto* table = static_cast<FileTable*>(pool_->take(known->bytes()));
  if (table == nullptr) return fail(ENOMEM, "no room to remember open files");
  memcpy(table, known, known->bytes());
  table->owners = 1;
  for (OpenFile& file : table->files())
    if (file.offset >= 0) file.offset = offset_of(file.fd);
  return table;
}

Result<FileTable*> OpenFiles::read_anew() {
  char path[kPathBytes];
  size_t count = 0, text_bytes = 1;
  FileTable* table = nullptr;
  // Once to count, once to note.
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) {
      table = static_cast<FileTable*>(
          pool_->take(sizeof(FileTable) + count * sizeof(OpenFile) + text_bytes));
      if (table == nullptr) return fail(ENOMEM, "no room to remember {} open files", count);
      table->owners = 1;
      table->count = uint32_t(count);
      table->text_bytes = text_bytes;
      count = 0;
      text_bytes = 1;
    }
    NumberList list;
    BELAY_TRY(list.open("/proc/self/fd"));
    for (int fd; (fd = list.next()) >= 0;) {
      OpenFile file;
      if (is_own(fd) || fd == list.fd() || !look_at(fd, &file)) continue;
      size_t bytes = file.offset >= 0 ? path_of(fd, path) : 0;
      if (pass == 1 && count < table->count && text_bytes + bytes < table->text_bytes + 1) {
        file.flags = int(sys::call(SYS_fcntl, fd, F_GETFL));
        if (sys::call(SYS_fcntl, fd, F_GETFD) == FD_CLOEXEC) file.flags |= O_CLOEXEC;
        file.path = uint32_t(text_bytes);
        memcpy(table->text() + text_bytes, path, bytes);
        table->files()[count] = file;
      }
      count++;
      text_bytes += bytes + 1;
    }
  }
  return table;
}

void OpenFiles::drop(FileTable* table) {
  if (table != nullptr && --table->owners == 0) pool_->give(table, table->bytes());
}

Status OpenFiles::check(FileTable& goal, bool* same) {
  *same = same_files(goal);
  if (*same) return {};
  for (const OpenFile& file : goal.files()) {
    OpenFile now;
    if (is_own(file.fd) || (look_at(file.fd, &now) && now.same_file(file))) continue;
    BELAY_ASSIGN(int fd, open_again(goal, file));
    sys::call(SYS_close, fd);
  }
  return {};
}

// Closes what the program has opened since.
void OpenFiles::close_newer(FileTable& goal) {
  NumberList list;
  if (Status opened = list.open("/proc/self/fd"); !opened) return;
  for (int fd; (fd = list.next()) >= 0;) {
    bool keep = is_own(fd) || fd == list.fd();
    for (const OpenFile& file : goal.files()) keep = keep || file.fd == fd;
    if (!keep) sys::call(SYS_close, fd);
  }
}

void OpenFiles::restore(FileTable& goal, bool same) {
  if (!same) {
    for (const OpenFile& file : goal.files()) {
      OpenFile now;
      if (is_own(file.fd) || (look_at(file.fd, &now) && now.same_file(file))) continue;
      auto fd = open_again(goal, file);
      if (!fd || *fd == file.fd) continue;
      sys::call(SYS_dup3, *fd, file.fd, file.flags & O_CLOEXEC);
      sys::call(SYS_close, *fd);
    }
    close_newer(goal);
  }
  for (const OpenFile& file : goal.files())
    if (offset_goes_back(file) && offset_of(file.fd) != file.offset)
      sys::call(SYS_lseek, file.fd, file.offset, SEEK_SET);
}

}  // namespace belay
