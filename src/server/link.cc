#include "server/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/text.h"
#include "server/relay_start.h"

namespace belay {
namespace {

constexpr size_t kHeldBytes = 8192;
constexpr int kSocketBytes = 4 << 20;
// Above what programs count on: they select(2) on small numbers.
constexpr int kDescriptorMin = 100;

// What follows `prefix` in `address`; empty: it begins otherwise.
const char* behind(const char* address, std::string_view prefix) {
  return std::string_view(address).starts_with(prefix) ? address + prefix.size() : "";
}

Result<int> connect_local(const char* path) {
  sockaddr_un name{.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof name.sun_path)
    return fail(ENAMETOOLONG, "{}: too long for a socket", path);
  copy_text(name.sun_path, path);
  const bool is_abstract = *path == '@';
  if (is_abstract) name.sun_path[0] = 0;
  const size_t bytes = is_abstract ? offsetof(sockaddr_un, sun_path) + strlen(path) : sizeof name;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&name), socklen_t(bytes)) != 0) {
    int code = errno;
    if (fd >= 0) close(fd);
    return fail(code, "the server at {}: {}", path, errno_text(code));
  }
  return fd;
}

Result<int> open_port(const char* path) {
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return fail(errno, "{}: {}", path, errno_text(errno));
  return fd;
}

}  // namespace

Link::Link(const char* address) : address_(address), held_(kHeldBytes) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  fd_ = fcntl(null, F_DUPFD_CLOEXEC, kDescriptorMin);
  close(null);
}

Link::~Link() { close(fd_); }

Status Link::open_socket() {
  const char* address = address_.c_str();
  Result<int> opened = fail(EINVAL,
                            "a server is at unix:/path, tcp:HOST:PORT or port:/dev/..., not "
                            "at '{}'",
                            address);
  if (const char* path = behind(address, "unix:"); *path != 0) opened = connect_local(path);
  if (const char* path = behind(address, "port:"); *path != 0) opened = open_port(path);
  if (const char* host = behind(address, "tcp:"); *host != 0) opened = start_relay(host);
  BELAY_ASSIGN(int fd, std::move(opened));
  dup3(fd, fd_, O_CLOEXEC);
  close(fd);
  used_ = filled_ = 0;
  connected_ = true;
  return {};
}

Status Link::connect(std::string_view hello) {
  BELAY_TRY(open_socket());
  BELAY_ASSIGN(Reply reply, ask(FrameType::kSet, 0, ":client", hello));
  if (reply.type == FrameType::kYes) return {};
  disconnect();
  return fail(EACCES, "the server says: {}", reply.text);
}

// The number stays taken, so that nothing of the program's gets it.
void Link::disconnect() {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    dup3(null, fd_, O_CLOEXEC);
    close(null);
  }
  connected_ = false;
}

tl::unexpected<Error> Link::lost(int code) {
  disconnect();
  return fail(code, "the connection to the server is lost: {}", errno_text(code));
}

Status Link::send_all(std::span<const std::byte> data) {
  bool is_socket = !address_.starts_with("port:");
  while (!data.empty()) {
    ssize_t sent = is_socket ? send(fd_, data.data(), data.size(), MSG_NOSIGNAL)
                             : write(fd_, data.data(), data.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return lost(errno);
    data = data.subspan(static_cast<size_t>(sent));
  }
  return {};
}

Status Link::receive(void* to, size_t bytes) {
  auto* out = static_cast<char*>(to);
  while (bytes != 0) {
    size_t held = std::min(filled_ - used_, bytes);
    memcpy(out, held_.data() + used_, held);
    used_ += held;
    out += held;
    bytes -= held;
    if (bytes == 0) break;
    // Large bodies go where they belong at once.
    bool large = bytes >= kHeldBytes;
    ssize_t got = large ? read(fd_, out, bytes) : read(fd_, held_.data(), kHeldBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return lost(got < 0 ? errno : ECONNRESET);
    if (large) {
      out += got;
      bytes -= static_cast<size_t>(got);
    } else {
      used_ = 0;
      filled_ = static_cast<size_t>(got);
    }
  }
  return {};
}

Result<Reply> Link::read_reply() {
  FrameHeader header;
  BELAY_TRY(receive(&header, sizeof header));
  if (Status valid = check_header(header, UINT64_MAX); !valid) {
    disconnect();
    return tl::make_unexpected(valid.error());
  }
  Reply reply{.type = static_cast<FrameType>(header.type),
              .flags = header.flags,
              .body_bytes = header.body_bytes};
  BELAY_TRY(receive(reply.name, header.name_bytes));
  if (reply.type == FrameType::kSet || !is_text(reply.type)) return reply;
  BELAY_TRY(receive(text_, header.body_bytes));
  reply.text = {text_, header.body_bytes};
  return reply;
}

Status Link::tell(FrameType type, uint16_t flags, std::string_view name,
                  std::span<const std::byte> body) {
  if (!connected_) return fail(ENOTCONN, "not connected to the server");
  char start[sizeof(FrameHeader) + kFrameNameMax + kTextBytesMax];
  FrameHeader header = make_header(type, flags, name.size(), body.size());
  size_t bytes = sizeof header + name.size();
  memcpy(start, &header, sizeof header);
  memcpy(start + sizeof header, name.data(), name.size());
  if (body.size() <= kTextBytesMax) {  // in one piece
    memcpy(start + bytes, body.data(), body.size());
    bytes += body.size();
    body = {};
  }
  BELAY_TRY(send_all(std::as_bytes(std::span(start, bytes))));
  return send_all(body);
}

Result<Reply> Link::answer() {
  for (;;) {
    BELAY_ASSIGN(Reply reply, read_reply());
    if (reply.type != FrameType::kCkp) return reply;  // a call that this question has crossed
  }
}

Result<Reply> Link::ask(FrameType type, uint16_t flags, std::string_view name,
                        std::span<const std::byte> body) {
  BELAY_TRY(tell(type, flags, name, body));
  return answer();
}

Status Link::read_body(std::span<std::byte> to) { return receive(to.data(), to.size()); }

bool Link::is_called() {
  if (used_ < filled_) return true;
  pollfd wait{fd_, POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}

}  // namespace belay
