#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "base/syscall.h"
#include "files/descriptors.h"

namespace belay {
namespace {

std::string path_of(const FileRecord& file) { return std::string(tail(file)); }

bool writable(const FileRecord& file) { return (file.status_flags & O_ACCMODE) != O_RDONLY; }

// The standard stream of this process that was, and still is, the same regular file. Not standard
// error: what the supervisor reported there since the checkpoint is not the program's to undo.
bool continues_stream(const FileRecord& file) {
  struct stat now;
  return file.fd != STDERR_FILENO && S_ISREG(file.mode) && fstat(file.fd, &now) == 0 &&
         S_ISREG(now.st_mode) && now.st_dev == file.device && now.st_ino == file.inode;
}

Status too_short(const FileRecord& file, uint64_t now) {
  return fail(EBADMSG, "{} has {} bytes, fewer than the {} it had at the checkpoint", tail(file),
              now, file.size);
}

// Back to the length at the checkpoint, so that what follows is written once, not twice.
Status rewind_file(int fd, const FileRecord& file) {
  if (writable(file)) {
    struct stat now;
    if (fstat(fd, &now) == 0 && uint64_t(now.st_size) < file.size)
      return too_short(file, uint64_t(now.st_size));
    if (ftruncate(fd, off_t(file.size)) != 0)
      return fail(errno, "{}: cannot cut it to its length at the checkpoint: {}", tail(file),
                  errno_text(errno));
  }
  lseek(fd, off_t(file.offset), SEEK_SET);
  return {};
}

// Moves an open file to its number.
Status settle(int fd, int wanted, int fd_flags) {
  if (fd < 0) return fail(errno, "descriptor {}: {}", wanted, errno_text(errno));
  if (fd != wanted) {
    if (dup2(fd, wanted) < 0) return fail(errno, "descriptor {}: {}", wanted, errno_text(errno));
    close(fd);
  }
  fcntl(wanted, F_SETFD, fd_flags);
  return {};
}

Status restore_by_name(const FileRecord& file) {
  int flags = file.status_flags & ~(O_CREAT | O_EXCL | O_TRUNC);
  int fd = open(path_of(file).c_str(), flags | O_CLOEXEC);
  if (fd < 0) return fail(errno, "{}: {}", tail(file), errno_text(errno));
  if (file.kind == FileKind::kRegular) {
    Status status = rewind_file(fd, file);
    if (!status) {
      close(fd);
      return status;
    }
  }
  return settle(fd, file.fd, file.fd_flags);
}

Status restore_pipe(const Description& description, const PipeRecord& pipe_record) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail(errno, "pipe: {}", errno_text(errno));
  // Out of the way of the numbers that are about to be taken.
  int floor = first_free_fd(description);
  int reader = fcntl(ends[0], F_DUPFD_CLOEXEC, floor);
  int writer = fcntl(ends[1], F_DUPFD_CLOEXEC, floor);
  close(ends[0]);
  close(ends[1]);
  fcntl(writer, F_SETPIPE_SZ, int(pipe_record.capacity));
  auto contents = tail(pipe_record);
  if (write(writer, contents.data(), contents.size()) != ssize_t(contents.size()))
    return fail(EIO, "cannot fill the pipe: {}", errno_text(errno));
  description.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    if (file.inode != pipe_record.inode || file.same_as >= 0) return;
    if (file.kind != FileKind::kPipeRead && file.kind != FileKind::kPipeWrite) return;
    int end = file.kind == FileKind::kPipeRead ? reader : writer;
    dup2(end, file.fd);
    fcntl(file.fd, F_SETFL, file.status_flags);
    fcntl(file.fd, F_SETFD, file.fd_flags);
  });
  close(reader);
  close(writer);
  return {};
}

bool by_name(const FileRecord& file) {
  return file.same_as < 0 && (file.kind == FileKind::kRegular ||
                              file.kind == FileKind::kDirectory || file.kind == FileKind::kDevice);
}

template <class Record, class Visit>
Status try_each(const Description& description, RecordKind kind, Visit visit) {
  Status status;
  description.for_each<Record>(kind, [&](const Record& record) {
    if (status) status = visit(record);
  });
  return status;
}

}  // namespace

Status sync_files(const Description& description) {
  return try_each<FileRecord>(description, RecordKind::kFile, [](const FileRecord& file) -> Status {
    if (!S_ISREG(file.mode) || !writable(file) || file.same_as >= 0) return {};
    // The program may have closed it since; then its number is somebody else's, or nobody's.
    long result = sys::call(SYS_fdatasync, file.fd);
    if (result < 0 && result != -EBADF && result != -EINVAL)
      return fail(int(-result), "{}: {}", tail(file), errno_text(int(-result)));
    return {};
  });
}

Status check_files(const Description& description) {
  return try_each<FileRecord>(description, RecordKind::kFile, [](const FileRecord& file) -> Status {
    if (!by_name(file)) return {};
    int wanted = writable(file) ? W_OK : R_OK;
    std::string path = path_of(file);
    if (access(path.c_str(), wanted) != 0)
      return fail(errno, "the program had {} open, which now: {}", path, errno_text(errno));
    struct stat now;
    if (file.kind == FileKind::kRegular && stat(path.c_str(), &now) == 0 && writable(file) &&
        uint64_t(now.st_size) < file.size)
      return too_short(file, uint64_t(now.st_size));
    return {};
  });
}

int first_free_fd(const Description& description) {
  int highest = 2;
  description.for_each<FileRecord>(RecordKind::kFile, [&](const FileRecord& file) {
    if (file.fd > highest) highest = file.fd;
  });
  return highest + 1;
}

Status restore_files(const Description& description, bool same_job) {
  bool present[3] = {};
  BELAY_TRY(
      try_each<FileRecord>(description, RecordKind::kFile, [&](const FileRecord& file) -> Status {
        if (file.fd <= 2) present[file.fd] = true;
        if (same_job && file.kind == FileKind::kStandard && file.same_as < 0 &&
            continues_stream(file))
          return rewind_file(file.fd, file);
        return by_name(file) ? restore_by_name(file) : Status{};
      }));
  for (int fd = 0; fd < 3; fd++)
    if (!present[fd]) close(fd);
  BELAY_TRY(try_each<PipeRecord>(
      description, RecordKind::kPipe,
      [&](const PipeRecord& pipe_record) { return restore_pipe(description, pipe_record); }));
  return try_each<FileRecord>(description, RecordKind::kFile, [](const FileRecord& file) -> Status {
    if (file.same_as < 0 || file.kind == FileKind::kStandard) return {};
    if (dup2(file.same_as, file.fd) < 0)
      return fail(errno, "descriptor {}: {}", file.fd, errno_text(errno));
    fcntl(file.fd, F_SETFD, file.fd_flags);
    return {};
  });
}

}  // namespace belay
