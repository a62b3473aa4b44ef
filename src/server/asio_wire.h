// A Wire over a socket of Asio's: Unix or TCP.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <vector>

#include "server/wire.h"

namespace belay {

inline tl::unexpected<Error> failed(const boost::system::error_code& code, std::string_view what) {
  return fail(code.value(), "{}: {}", what, code.message());
}

// `what` names the place in an error.
template <class Acceptor>
Status listen_at(Acceptor& acceptor, const typename Acceptor::endpoint_type& place,
                 std::string_view what) {
  boost::system::error_code code;
  acceptor.open(place.protocol(), code);
  if (!code) acceptor.set_option(typename Acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(place, code);
  if (!code) acceptor.listen(boost::asio::socket_base::max_listen_connections, code);
  if (code) return failed(code, what);
  return {};
}

template <class Socket>
class AsioWire final : public Wire {
 public:
  // `buffer` is that of all sockets: it is used only while on_data runs.
  AsioWire(Socket socket, std::vector<std::byte>& buffer)
      : socket_(std::move(socket)), buffer_(buffer) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  void read(OnData on_data) override {
    socket_.async_wait(Socket::wait_read,
                       [this, on_data = std::move(on_data)](boost::system::error_code code) {
                         if (code == boost::asio::error::operation_aborted) return;
                         take(on_data);
                       });
  }
  Result<size_t> write_some(std::span<const std::byte> data) override {
    boost::system::error_code code;
    size_t sent = socket_.write_some(boost::asio::buffer(data.data(), data.size()), code);
    if (code && code != boost::asio::error::would_block) return failed(code, "write");
    return sent;
  }
  void when_writable(OnReady on_ready) override {
    socket_.async_wait(Socket::wait_write,
                       [on_ready = std::move(on_ready)](boost::system::error_code code) {
                         if (code == boost::asio::error::operation_aborted) return;
                         on_ready({});
                       });
  }
  void close() override {
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
  }

 private:
  void take(const OnData& on_data) {
    boost::system::error_code code;
    size_t got = socket_.read_some(boost::asio::buffer(buffer_.data(), buffer_.size()), code);
    if (code == boost::asio::error::would_block) return read(on_data);
    if (code && code != boost::asio::error::eof) return on_data(failed(code, "read"));
    on_data(std::span<const std::byte>(buffer_.data(), got));
  }

  Socket socket_;
  std::vector<std::byte>& buffer_;
};

}  // namespace belay
