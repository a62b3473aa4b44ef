// The web page's server: docs/server_http.md. On 127.0.0.1, for whoever has the token.
#include <errno.h>
#include <openssl/crypto.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>

#include "server/asio_wire.h"
#include "server/control.h"
#include "server/file_view.h"
#include "server/listeners.h"
#include "server/live_state.h"
#include "server/protocol.h"
#include "server/waiting_list.h"

namespace belay {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
using Socket = beast::websocket::stream<beast::tcp_stream>;

constexpr auto kUpdateEvery = std::chrono::milliseconds(100);
constexpr size_t kBodyBytesMax = 65536;
constexpr std::string_view kCookie = "belay_token=";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// Takes the same time wherever they differ.
bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// What an HTTP connection may know.
struct HttpSetup {
  ServerCore& core;
  std::string token, folder, hosts[2];  // HOST:PORT under which the page is asked for
  WaitingList requests, live;           // of which requests are awaited; that are to take an update
};

bool knows_token(const HttpSetup& setup, const Request& request) {
  std::string_view cookies = view(request[http::field::cookie]);
  while (!cookies.empty()) {
    std::string_view one = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(one.size() + 1, cookies.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    if (one.starts_with(kCookie) && same_text(one.substr(kCookie.size()), setup.token)) return true;
  }
  return false;
}

// Not on behalf of another site's page.
bool is_own_page(const HttpSetup& setup, const Request& request) {
  std::string_view host = view(request[http::field::host]);
  std::string_view origin = view(request[http::field::origin]);
  if (host != setup.hosts[0] && host != setup.hosts[1]) return false;
  return origin.empty() || origin == "http://" + std::string(host);
}

Response make_response(const Request& request, http::status status, std::string_view type,
                       std::string body) {
  Response response(status, request.version());
  response.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("X-Frame-Options", "DENY");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Content-Security-Policy",
               "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws:");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

Response refuse(const Request& request, http::status status, const std::string& why) {
  return make_response(request, status, "text/plain; charset=utf-8", why + "\n");
}

std::string_view type_of(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},
      {".json", "application/json"},         {".png", "image/png"}};
  for (auto [end, type] : kTypes)
    if (name.ends_with(end)) return type;
  return "application/octet-stream";
}

Response page_file(const HttpSetup& setup, const Request& request, std::string_view path) {
  std::string name(path == "/" ? "index.html" : path.substr(1));
  if (!is_plain_name(name)) return refuse(request, http::status::not_found, "no such file");
  auto file = FileView::open(setup.folder + "/" + name);
  if (!file) return refuse(request, http::status::not_found, "no such file");
  auto bytes = (*file)->bytes();
  return make_response(request, http::status::ok, type_of(name),
                       std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// A page that watches.
class LiveConnection : public std::enable_shared_from_this<LiveConnection> {
 public:
  LiveConnection(beast::tcp_stream stream, std::shared_ptr<HttpSetup> setup)
      : socket_(std::move(stream)), setup_(std::move(setup)), timer_(socket_.get_executor()) {}

  void start(const Request& request) {
    socket_.set_option(beast::websocket::stream_base::timeout::suggested(beast::role_type::server));
    socket_.read_message_max(kBodyBytesMax);
    expect();
    socket_.async_accept(request, [self = shared_from_this()](ErrorCode code) {
      self->setup_->live.done(self->ticket_);
      if (code) return;
      self->read();
      self->update();
    });
  }

 private:
  // What it says is ignored, but for a close, which ends the updates.
  void read() {
    socket_.async_read(ignored_, [self = shared_from_this()](ErrorCode code, size_t) {
      self->ignored_.clear();
      if (code) return self->timer_.cancel(), self->closed_ = true, void();
      self->read();
    });
  }
  // One at a time: a slow reader gets fewer and larger ones.
  void update() {
    if (closed_) return;
    message_ = state_.next(setup_->core);
    if (message_.empty()) return wait();
    socket_.text(true);
    expect();
    socket_.async_write(asio::buffer(message_),
                        [self = shared_from_this()](ErrorCode code, size_t) {
                          self->setup_->live.done(self->ticket_);
                          if (!code) self->wait();
                        });
  }
  // That it takes what it is sent.
  void expect() {
    ticket_ = setup_->live.begin([weak = weak_from_this()] {
      if (auto self = weak.lock()) beast::get_lowest_layer(self->socket_).close();
    });
  }
  void wait() {
    timer_.expires_after(kUpdateEvery);
    timer_.async_wait([self = shared_from_this()](ErrorCode code) {
      if (!code) self->update();
    });
  }

  Socket socket_;
  std::shared_ptr<HttpSetup> setup_;
  WaitingList::Ticket ticket_ = 0;
  asio::steady_timer timer_;
  beast::flat_buffer ignored_;
  LiveState state_;
  std::string message_;
  bool closed_ = false;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(Tcp::socket socket, std::shared_ptr<HttpSetup> setup)
      : stream_(std::move(socket)), setup_(std::move(setup)) {}

  void read() {
    parser_.emplace();
    parser_->body_limit(kBodyBytesMax);
    expect();
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](ErrorCode code, size_t) {
                       self->setup_->requests.done(self->ticket_);
                       if (!code) self->handle(self->parser_->release());
                     });
  }

 private:
  // A whole request, or that it takes the answer.
  void expect() {
    ticket_ = setup_->requests.begin([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->stream_.close();
    });
  }
  void handle(Request request) {
    std::string_view target = view(request.target());
    std::string_view path = target.substr(0, target.find('?'));
    if (!is_own_page(*setup_, request))
      return respond(refuse(request, http::status::forbidden, "for the page of this server only"));
    if (path == "/" && target.size() > path.size()) return log_in(request, target.substr(1));
    if (!knows_token(*setup_, request))
      return respond(refuse(request, http::status::forbidden,
                            "open the address that belay serve has printed, with its token"));
    if (request.method() == http::verb::post) return command(request, path);
    if (request.method() != http::verb::get)
      return respond(refuse(request, http::status::method_not_allowed, "GET or POST"));
    if (path == "/api/live" && beast::websocket::is_upgrade(request)) {
      std::make_shared<LiveConnection>(std::move(stream_), setup_)->start(request);
    } else if (path == "/api/state") {
      respond(
          make_response(request, http::status::ok, "application/json", state_json(setup_->core)));
    } else {
      respond(page_file(*setup_, request, path));
    }
  }

  void log_in(const Request& request, std::string_view query) {
    if (!query.starts_with("?token=") || !same_text(query.substr(7), setup_->token))
      return respond(refuse(request, http::status::forbidden, "another token"));
    Response response = make_response(request, http::status::see_other, "text/plain", "");
    response.set(http::field::location, "/");
    response.set(http::field::set_cookie,
                 std::string(kCookie) + setup_->token + "; HttpOnly; SameSite=Strict; Path=/");
    respond(std::move(response));
  }

  void command(const Request& request, std::string_view path) {
    constexpr std::string_view kKnown[] = {"checkpoint", "pin", "unpin", "delete", "select"};
    std::string_view what = path.starts_with("/api/") ? path.substr(5) : "";
    if (std::find(std::begin(kKnown), std::end(kKnown), what) == std::end(kKnown))
      return respond(refuse(request, http::status::not_found, "no such command"));
    if (view(request[http::field::content_type]) != "application/json")
      return respond(refuse(request, http::status::bad_request, "application/json is wanted"));
    control_as(
        setup_->core, what, request.body(),
        [self = shared_from_this(), request](const std::string& answer) {
          bool done = answer.starts_with("{\"ok\":true");
          self->respond(make_response(request, done ? http::status::ok : http::status::conflict,
                                      "application/json", answer));
        });
  }

  void respond(Response response) {
    auto kept = std::make_shared<Response>(std::move(response));
    expect();
    http::async_write(stream_, *kept, [self = shared_from_this(), kept](ErrorCode code, size_t) {
      self->setup_->requests.done(self->ticket_);
      if (!code && kept->keep_alive()) self->read();
    });
  }

  beast::tcp_stream stream_;
  std::shared_ptr<HttpSetup> setup_;
  WaitingList::Ticket ticket_ = 0;
  beast::flat_buffer buffer_{2 * kBodyBytesMax};
  std::optional<http::request_parser<http::string_body>> parser_;
};

class HttpListener final : public Listener {
 public:
  HttpListener(asio::io_context& io, std::shared_ptr<HttpSetup> setup)
      : acceptor_(io), setup_(std::move(setup)) {}

  Status start(uint16_t port) {
    Tcp::endpoint place(asio::ip::address_v4::loopback(), port);
    BELAY_TRY(listen_at(acceptor_, place, fmt::format("127.0.0.1:{}", port)));
    setup_->hosts[0] = fmt::format("127.0.0.1:{}", this->port());
    setup_->hosts[1] = fmt::format("localhost:{}", this->port());
    accept();
    return {};
  }
  uint16_t port() const override { return acceptor_.local_endpoint().port(); }
  void tick(uint64_t now_ms) override {
    setup_->requests.tick(now_ms);
    setup_->live.tick(now_ms);
  }

 private:
  void accept() {
    acceptor_.async_accept([this](ErrorCode code, Tcp::socket socket) {
      if (code == asio::error::operation_aborted) return;
      if (!code) std::make_shared<HttpConnection>(std::move(socket), setup_)->read();
      accept();
    });
  }

  Tcp::acceptor acceptor_;
  std::shared_ptr<HttpSetup> setup_;
};

}  // namespace

Result<std::shared_ptr<Listener>> serve_http(asio::io_context& io, ServerCore& core, uint16_t port,
                                             const std::string& token, const std::string& folder) {
  const uint64_t stalled_ms = core.catalog().limits().stalled_ms;
  std::shared_ptr<HttpSetup> setup(
      new HttpSetup{core, token, folder, {}, {kUnheardMax, stalled_ms}, {SIZE_MAX, stalled_ms}});
  auto listener = std::make_shared<HttpListener>(io, std::move(setup));
  BELAY_TRY(listener->start(port));
  return std::shared_ptr<Listener>(std::move(listener));
}

}  // namespace belay
