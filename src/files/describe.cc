#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstring>
#include <string_view>

#include "base/number_list.h"
#include "base/syscall.h"
#include "files/descriptors.h"

namespace belay {
namespace {

constexpr int kDescriptorsMax = 4096;  // that one checkpoint can hold

struct Descriptor {
  int fd;
  struct stat status;
  int status_flags, fd_flags;
  char path[1024];
  std::string_view name() const { return path; }
};

// Devices without a state of their own.
bool is_plain_device(std::string_view path) {
  for (std::string_view known :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"})
    if (path == known) return true;
  return path.starts_with("/dev/pts/") || path == "/dev/console";
}

Status read_descriptor(int fd, Descriptor* out) {
  char link[64];
  *fmt::format_to_n(link, sizeof link - 1, "/proc/self/fd/{}", fd).out = '\0';
  long n = sys::call(SYS_readlink, link, out->path, sizeof out->path - 1);
  if (n < 0) return fail(int(-n), "descriptor {}: {}", fd, errno_text(int(-n)));
  out->path[n] = '\0';
  out->fd = fd;
  sys::call(SYS_fstat, fd, &out->status);
  out->status_flags = int(sys::call(SYS_fcntl, fd, F_GETFL, 0));
  out->fd_flags = int(sys::call(SYS_fcntl, fd, F_GETFD, 0));
  return {};
}

bool is_given(const Descriptor& descriptor, const GivenDescriptors& given) {
  mode_t type = descriptor.status.st_mode & S_IFMT;
  // A file that was handed over by number has a name all the same.
  if (descriptor.fd > 2 && (type == S_IFREG || type == S_IFDIR)) return false;
  for (int i = 0; i < given.count; i++)
    if (given.fd[i] == descriptor.fd)
      return descriptor.status.st_dev == given.device[i] &&
             descriptor.status.st_ino == given.inode[i];
  return false;
}

bool lies_in(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

Status refuse(const Descriptor& descriptor, std::string_view why) {
  return fail(ENOTSUP,
              "descriptor {} is {}: {}; close it before the checkpoint, in a prepare "
              "function for instance",
              descriptor.fd, descriptor.path, why);
}

Result<FileKind> kind_of(const Descriptor& descriptor, const GivenDescriptors& given) {
  if (is_given(descriptor, given)) return FileKind::kStandard;
  mode_t type = descriptor.status.st_mode & S_IFMT;
  bool deleted = descriptor.name().ends_with(" (deleted)");
  if (deleted) return tl::make_unexpected(refuse(descriptor, "its name is gone").error());
  if (type == S_IFREG && descriptor.path[0] == '/') return FileKind::kRegular;
  if (type == S_IFDIR) return FileKind::kDirectory;
  if (type == S_IFCHR && is_plain_device(descriptor.name())) return FileKind::kDevice;
  if (type == S_IFIFO && descriptor.name().starts_with("pipe:"))
    return (descriptor.status_flags & O_ACCMODE) == O_WRONLY ? FileKind::kPipeWrite
                                                             : FileKind::kPipeRead;
  std::string_view what = type == S_IFSOCK  ? "sockets are not captured yet"
                          : type == S_IFCHR ? "this device is not captured yet"
                                            : "this kind of file is not captured yet";
  return tl::make_unexpected(refuse(descriptor, what).error());
}

// Looks among the records written so far for one with the same open file description.
int find_same(const DescriptionWriter& writer, const Descriptor& descriptor) {
  auto bytes = writer.bytes();
  int pid = int(sys::getpid());
  for (size_t at = 0; at < bytes.size();) {
    auto* header = reinterpret_cast<const RecordHeader*>(bytes.data() + at);
    auto* file = reinterpret_cast<const FileRecord*>(header);
    if (header->kind == RecordKind::kFile && file->same_as < 0 &&
        file->inode == descriptor.status.st_ino && file->device == descriptor.status.st_dev &&
        sys::call(SYS_kcmp, pid, pid, KCMP_FILE, file->fd, descriptor.fd) == 0)
      return file->fd;
    at += header->bytes;
  }
  return -1;
}

Status add_file(const Descriptor& descriptor, const GivenDescriptors& given,
                DescriptionWriter& writer) {
  BELAY_ASSIGN(FileKind kind, kind_of(descriptor, given));
  int same_as = find_same(writer, descriptor);
  auto* record = writer.add<FileRecord>(RecordKind::kFile, descriptor.name());
  if (record == nullptr) return writer.status();
  record->fd = descriptor.fd;
  record->same_as = same_as;
  record->kind = kind;
  record->status_flags = descriptor.status_flags;
  record->fd_flags = descriptor.fd_flags;
  record->mode = descriptor.status.st_mode;
  record->device = descriptor.status.st_dev;
  record->inode = descriptor.status.st_ino;
  record->size = uint64_t(descriptor.status.st_size);
  bool seekable = S_ISREG(descriptor.status.st_mode);
  long offset = seekable ? sys::call(SYS_lseek, descriptor.fd, 0, SEEK_CUR) : 0;
  record->offset = offset > 0 ? uint64_t(offset) : 0;
  return {};
}

// Copies what is in a pipe without taking it out: tee(2) into another pipe, and read that.
Status read_pipe(int fd, char* out, size_t bytes, uint64_t capacity) {
  int copy[2];
  long result = sys::call(SYS_pipe2, copy, O_CLOEXEC | O_NONBLOCK);
  if (result < 0) return fail(int(-result), "pipe: {}", errno_text(int(-result)));
  sys::call(SYS_fcntl, copy[1], F_SETPIPE_SZ, capacity);
  long teed = sys::call(SYS_tee, fd, copy[1], bytes, 2 /* SPLICE_F_NONBLOCK */);
  long got = 0;
  while (teed > 0 && got < teed) {
    long n = sys::call(SYS_read, copy[0], out + got, size_t(teed - got));
    if (n <= 0) break;
    got += n;
  }
  sys::call(SYS_close, copy[0]);
  sys::call(SYS_close, copy[1]);
  if (size_t(got) != bytes)
    return fail(EIO, "descriptor {}: {} of {} bytes in the pipe could be copied", fd, got, bytes);
  return {};
}

Status add_pipe(const FileRecord& reader, DescriptionWriter& writer) {
  int bytes = 0;
  sys::call(SYS_ioctl, reader.fd, FIONREAD, &bytes);
  auto capacity = uint64_t(sys::call(SYS_fcntl, reader.fd, F_GETPIPE_SZ, 0));
  uint64_t inode = reader.inode;
  int fd = reader.fd;
  auto* record = writer.add<PipeRecord>(RecordKind::kPipe, size_t(bytes));
  if (record == nullptr) return writer.status();
  record->inode = inode;
  record->capacity = capacity;
  if (bytes == 0) return {};
  return read_pipe(fd, reinterpret_cast<char*>(record + 1), size_t(bytes), capacity);
}

// Every pipe must have both its ends here, or what the other process does is lost.
Status add_pipes(DescriptionWriter& writer) {
  size_t end = writer.bytes().size();
  auto each = [&](auto visit) -> Status {
    for (size_t at = 0; at < end;) {
      auto* header = reinterpret_cast<RecordHeader*>(writer.bytes().data() + at);
      if (header->kind == RecordKind::kFile)
        BELAY_TRY(visit(*reinterpret_cast<FileRecord*>(header)));
      at += header->bytes;
    }
    return {};
  };
  uint64_t last_inode = 0;
  return each([&](const FileRecord& file) -> Status {
    if (file.kind != FileKind::kPipeRead && file.kind != FileKind::kPipeWrite) return {};
    bool whole = false, described = false, before = true;
    BELAY_TRY(each([&](const FileRecord& other) -> Status {
      bool same = other.inode == file.inode && other.device == file.device;
      whole |= same && other.kind != file.kind && other.kind != FileKind::kStandard;
      if (&other == &file) before = false;
      described |= before && same && other.kind == FileKind::kPipeRead;
      return {};
    }));
    if (!whole)
      return fail(ENOTSUP, "descriptor {} is a pipe whose other end is in another process",
                  file.fd);
    if (file.kind != FileKind::kPipeRead || described || file.inode == last_inode) return {};
    last_inode = file.inode;
    return add_pipe(file, writer);
  });
}

}  // namespace

GivenDescriptors given_descriptors() {
  GivenDescriptors given;
  NumberList list;
  if (!list.open("/proc/self/fd")) return given;
  for (int fd; (fd = list.next()) >= 0 && given.count < kGivenMax;) {
    struct stat status;
    if (fd == list.fd() || sys::call(SYS_fstat, fd, &status) != 0) continue;
    given.fd[given.count] = fd;
    given.device[given.count] = status.st_dev;
    given.inode[given.count++] = status.st_ino;
  }
  return given;
}

void refresh(GivenDescriptors& given) {
  for (int i = 0; i < given.count; i++) {
    struct stat status {};
    sys::call(SYS_fstat, given.fd[i], &status);
    given.device[i] = status.st_dev;
    given.inode[i] = status.st_ino;
  }
}

Status describe_files(std::span<const int> own, std::string_view own_directory,
                      const GivenDescriptors& given, DescriptionWriter& writer) {
  NumberList list;
  BELAY_TRY(list.open("/proc/self/fd"));
  int count = 0;
  for (int fd; (fd = list.next()) >= 0;) {
    bool skip = fd == list.fd();
    for (int mine : own) skip |= mine == fd;
    if (skip) continue;
    if (++count > kDescriptorsMax) return fail(ENOTSUP, "more than {} open files", count - 1);
    Descriptor descriptor;
    BELAY_TRY(read_descriptor(fd, &descriptor));
    if (!lies_in(descriptor.name(), own_directory)) BELAY_TRY(add_file(descriptor, given, writer));
  }
  BELAY_TRY(add_pipes(writer));
  return writer.status();
}

}  // namespace belay
