// TCP with TLS and a token. A client is handed on when it has proved that it knows the token.
#include <errno.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "server/asio_wire.h"
#include "server/listeners.h"
#include "server/token_proof.h"
#include "server/waiting_list.h"

namespace belay {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using TlsSocket = asio::ssl::stream<Tcp::socket>;

constexpr size_t kRecordBytes = 16384;
constexpr long kCertificateSeconds = 10L * 365 * 24 * 3600;

// Nobody checks it: the token proves who is at the other end of this very connection.
Status use_own_certificate(SSL_CTX* context) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  bool made = key != nullptr && certificate != nullptr;
  if (made) {
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), kCertificateSeconds);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("belay"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    made = X509_sign(certificate, key, EVP_sha256()) != 0 &&
           SSL_CTX_use_certificate(context, certificate) == 1 &&
           SSL_CTX_use_PrivateKey(context, key) == 1;
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!made) return fail(EPROTO, "OpenSSL makes no certificate");
  return {};
}

class TlsWire final : public Wire {
 public:
  explicit TlsWire(std::unique_ptr<TlsSocket> socket) : io_(std::make_shared<Io>()) {
    io_->socket = std::move(socket);
  }

  void read(OnData on_data) override {
    io_->socket->async_read_some(asio::buffer(io_->in), [io = io_, on_data = std::move(on_data)](
                                                            ErrorCode code, size_t got) {
      if (code == asio::error::operation_aborted) return;
      // The end of the stream in any of its forms; what was inside a frame is lost anyway.
      if (code) got = 0;
      on_data(std::span<const std::byte>(io->in, got));
    });
  }
  // Copies, since the socket encrypts in its own time.
  Result<size_t> write_some(std::span<const std::byte> data) override {
    if (io_->writing) return 0;
    io_->writing = true;
    io_->out.assign(data.begin(), data.begin() + long(std::min(data.size(), 4 * kRecordBytes)));
    asio::async_write(*io_->socket, asio::buffer(io_->out), [io = io_](ErrorCode code, size_t) {
      if (code == asio::error::operation_aborted) return;
      io->writing = false;
      if (auto ready = std::exchange(io->on_ready, nullptr)) {
        ready(code ? Status(failed(code, "write")) : Status());
      }
    });
    return io_->out.size();
  }
  void when_writable(OnReady on_ready) override { io_->on_ready = std::move(on_ready); }
  void close() override {
    ErrorCode ignored;
    io_->socket->lowest_layer().shutdown(Tcp::socket::shutdown_both, ignored);
    io_->socket->lowest_layer().close(ignored);
    io_->on_ready = nullptr;
  }

 private:
  // Asio wants it to be there until the last operation has ended, also one that is cancelled.
  struct Io {
    std::unique_ptr<TlsSocket> socket;
    std::byte in[kRecordBytes];
    std::vector<std::byte> out;
    bool writing = false;
    OnReady on_ready;
  };
  std::shared_ptr<Io> io_;
};

// One that has connected and has proved nothing yet.
struct Knock : std::enable_shared_from_this<Knock> {
  Knock(Tcp::socket tcp, asio::ssl::context& context, std::string token,
        std::shared_ptr<WaitingList> waiting)
      : socket(std::make_unique<TlsSocket>(std::move(tcp), context)),
        token(std::move(token)),
        waiting(std::move(waiting)) {}

  void start(std::function<void(std::unique_ptr<Wire>)> on_client) {
    opened = std::move(on_client);
    ticket = waiting->begin([weak = weak_from_this()] {
      ErrorCode ignored;
      if (auto self = weak.lock()) self->socket->lowest_layer().close(ignored);
    });
    socket->async_handshake(
        asio::ssl::stream_base::server,
        [self = shared_from_this()](ErrorCode code) { code ? self->leave() : self->ask(); });
  }
  void ask() {
    RAND_bytes(challenge.data(), int(challenge.size()));
    asio::async_write(*socket, asio::buffer(challenge),
                      [self = shared_from_this()](ErrorCode code, size_t) {
                        code ? self->leave() : self->listen();
                      });
  }
  void listen() {
    asio::async_read(*socket, asio::buffer(answer),
                     [self = shared_from_this()](ErrorCode code, size_t) {
                       code ? self->leave() : self->judge();
                     });
  }
  void judge() {
    SSL* ssl = socket->native_handle();
    auto right = token_proof(token, "client", challenge, ssl);
    auto own = token_proof(token, "server", challenge, ssl);
    if (!right || !own || !same_proof(*right, answer)) return leave();  // without a word
    answer = *own;
    asio::async_write(*socket, asio::buffer(answer),
                      [self = shared_from_this()](ErrorCode code, size_t) {
                        self->leave();
                        if (!code) self->opened(std::make_unique<TlsWire>(std::move(self->socket)));
                      });
  }
  // Closed, where nobody has it any more.
  void leave() { waiting->done(ticket); }

  std::unique_ptr<TlsSocket> socket;
  std::string token;
  std::shared_ptr<WaitingList> waiting;
  WaitingList::Ticket ticket = 0;
  ProofBytes challenge, answer;
  std::function<void(std::unique_ptr<Wire>)> opened;
};

class TlsListener final : public Listener {
 public:
  TlsListener(asio::io_context& io, std::string token, uint64_t greeting_ms,
              std::function<void(std::unique_ptr<Wire>)> on_client)
      : io_(io),
        acceptor_(io),
        token_(std::move(token)),
        knocking_(std::make_shared<WaitingList>(kUnheardMax, greeting_ms)),
        on_client_(std::move(on_client)) {}

  Status start(const std::string& host, const std::string& port) {
    BELAY_TRY(use_own_certificate(context_.native_handle()));
    ErrorCode code;
    auto found = Tcp::resolver(io_).resolve(host, port, Tcp::resolver::passive, code);
    if (code) return failed(code, host);
    BELAY_TRY(listen_at(acceptor_, found.begin()->endpoint(), host + ":" + port));
    accept();
    return {};
  }
  uint16_t port() const override { return acceptor_.local_endpoint().port(); }
  void tick(uint64_t now_ms) override { knocking_->tick(now_ms); }

 private:
  void accept() {
    acceptor_.async_accept([this](ErrorCode code, Tcp::socket socket) {
      if (code == asio::error::operation_aborted) return;
      if (!code) {
        ErrorCode ignored;
        socket.set_option(Tcp::no_delay(true), ignored);
        std::make_shared<Knock>(std::move(socket), context_, token_, knocking_)->start(on_client_);
      }
      accept();
    });
  }

  asio::io_context& io_;
  Tcp::acceptor acceptor_;
  asio::ssl::context context_{asio::ssl::context::tlsv13_server};
  std::string token_;
  std::shared_ptr<WaitingList> knocking_;
  std::function<void(std::unique_ptr<Wire>)> on_client_;
};

}  // namespace

Result<std::shared_ptr<Listener>> listen_tls(asio::io_context& io, const std::string& address,
                                             const std::string& token, uint64_t greeting_ms,
                                             std::function<void(std::unique_ptr<Wire>)> on_client) {
  size_t colon = address.rfind(':');
  if (colon == std::string::npos) return fail(EINVAL, "'{}' is not HOST:PORT", address);
  auto listener = std::make_shared<TlsListener>(io, token, greeting_ms, std::move(on_client));
  BELAY_TRY(listener->start(address.substr(0, colon), address.substr(colon + 1)));
  return std::shared_ptr<Listener>(std::move(listener));
}

}  // namespace belay
