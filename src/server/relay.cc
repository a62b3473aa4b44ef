#include "server/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/fd.h"
#include "server/token_proof.h"

namespace belay {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

Result<Fd> connect_tcp(const RelayOptions& options) {
  addrinfo hints{.ai_socktype = SOCK_STREAM}, *list = nullptr;
  if (int code = getaddrinfo(options.host.c_str(), options.port.c_str(), &hints, &list); code != 0)
    return fail(EHOSTUNREACH, "{}: {}", options.host, gai_strerror(code));
  std::unique_ptr<addrinfo, Free> freed(list);
  int code = ECONNREFUSED;
  for (addrinfo* at = list; at != nullptr; at = at->ai_next) {
    Fd fd(socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (connect(fd.get(), at->ai_addr, at->ai_addrlen) == 0) {
      int yes = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      return fd;
    }
    code = errno;
  }
  return fail(code, "{}:{}: {}", options.host, options.port, errno_text(code));
}

Status read_whole(SSL* connection, ProofBytes& to) {
  for (size_t done = 0; done < to.size();) {
    int got = SSL_read(connection, to.data() + done, int(to.size() - done));
    if (got <= 0) return fail(EACCES, "the server has closed the connection: another token?");
    done += size_t(got);
  }
  return {};
}

// Both ends prove that they know the token.
Status prove(SSL* connection, const std::string& token) {
  ProofBytes challenge, theirs;
  BELAY_TRY(read_whole(connection, challenge));
  BELAY_ASSIGN(ProofBytes own, token_proof(token, "client", challenge, connection));
  BELAY_ASSIGN(ProofBytes right, token_proof(token, "server", challenge, connection));
  if (SSL_write(connection, own.data(), int(own.size())) != int(own.size()))
    return fail(EIO, "the server has closed the connection");
  BELAY_TRY(read_whole(connection, theirs));
  if (!same_proof(right, theirs)) return fail(EACCES, "the server does not know the token");
  return {};
}

Result<std::unique_ptr<SSL, Free>> open_tls(int remote, const std::string& token) {
  std::unique_ptr<SSL_CTX, Free> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  std::unique_ptr<SSL, Free> connection(SSL_new(context.get()));
  SSL_set_fd(connection.get(), remote);
  if (SSL_connect(connection.get()) != 1) return fail(EPROTO, "no TLS 1.3 with the server");
  BELAY_TRY(prove(connection.get(), token));
  return connection;
}

// Bytes on their way in one direction.
struct Lane {
  std::vector<uint8_t> data = std::vector<uint8_t>(kBufferBytes);
  size_t from = 0, to = 0;
  bool empty() const { return from == to; }
};

class Pump {
 public:
  Pump(int local, int remote, SSL* connection)
      : local_(local), remote_(remote), connection_(connection) {
    for (int fd : {local, remote}) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  void run() {
    while (step()) {
      short local = short((up_.empty() ? POLLIN : 0) | (down_.empty() ? 0 : POLLOUT));
      short remote = short(POLLIN | (tls_writes_ ? POLLOUT : 0));
      if (!down_.empty() && !tls_writes_) remote = 0;  // the client is slow: so is the server then
      pollfd fds[2] = {{local_, local, 0}, {remote_, remote, 0}};
      if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    }
  }

 private:
  // Moves what can be moved; false: an end has closed.
  bool step() {
    bool moved = true;
    while (moved) {
      moved = false;
      if (!fill_up(&moved) || !drain_up(&moved) || !fill_down(&moved) || !drain_down(&moved))
        return false;
    }
    return true;
  }
  bool fill_up(bool* moved) {
    if (!up_.empty()) return true;
    ssize_t got = read(local_, up_.data.data(), kBufferBytes);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    up_.from = 0;
    up_.to = size_t(got);
    return *moved = true;
  }
  bool drain_up(bool* moved) {
    if (up_.empty()) return true;
    int sent = SSL_write(connection_, up_.data.data() + up_.from, int(up_.to - up_.from));
    if (sent <= 0) return wants_more(sent);
    tls_writes_ = false;
    up_.from += size_t(sent);
    return *moved = true;
  }
  bool fill_down(bool* moved) {
    if (!down_.empty()) return true;
    int got = SSL_read(connection_, down_.data.data(), kBufferBytes);
    if (got <= 0) return wants_more(got);
    down_.from = 0;
    down_.to = size_t(got);
    return *moved = true;
  }
  bool drain_down(bool* moved) {
    if (down_.empty()) return true;
    ssize_t sent =
        send(local_, down_.data.data() + down_.from, down_.to - down_.from, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    down_.from += size_t(sent);
    return *moved = true;
  }
  bool wants_more(int result) {
    int why = SSL_get_error(connection_, result);
    if (why == SSL_ERROR_WANT_WRITE) tls_writes_ = true;
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }

  int local_, remote_;
  SSL* connection_;
  Lane up_, down_;
  bool tls_writes_ = false;
};

}  // namespace

Status run_relay(const RelayOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  BELAY_ASSIGN(Fd remote, connect_tcp(options));
  BELAY_ASSIGN(auto connection, open_tls(remote.get(), options.token));
  if (options.detach) {
    if (pid_t child = fork(); child != 0) _exit(child < 0 ? 1 : 0);
    setsid();
  }
  Pump(options.socket, remote.get(), connection.get()).run();
  return {};
}

Status try_relay(const RelayOptions& options) {
  BELAY_ASSIGN(Fd remote, connect_tcp(options));
  BELAY_TRY(open_tls(remote.get(), options.token));
  return {};
}

}  // namespace belay
