#include "server/control_socket.h"

#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include "server/control.h"

namespace belay {
namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using ErrorCode = boost::system::error_code;

constexpr size_t kCommandBytesMax = 65536;

class CommandConnection : public std::enable_shared_from_this<CommandConnection> {
 public:
  CommandConnection(Local::socket socket, std::shared_ptr<WaitingList> waiting)
      : socket_(std::move(socket)), waiting_(std::move(waiting)) {}

  void listen(ServerCore& core) {
    wait();
    asio::async_read_until(socket_, buffer_, '\n',
                           [self = shared_from_this(), &core](ErrorCode code, size_t bytes) {
                             self->waiting_->done(self->ticket_);
                             if (!code) self->perform(core, bytes);
                           });
  }

 private:
  void perform(ServerCore& core, size_t bytes) {
    auto data = static_cast<const char*>(buffer_.data().data());
    control(core, std::string(data, bytes), [self = shared_from_this()](std::string text) {
      self->answer_ = std::move(text) + "\n";
      self->wait();
      asio::async_write(self->socket_, asio::buffer(self->answer_),
                        [self](ErrorCode, size_t) { self->waiting_->done(self->ticket_); });
    });
  }
  void wait() {
    ticket_ = waiting_->begin([weak = weak_from_this()] {
      ErrorCode ignored;
      if (auto self = weak.lock()) self->socket_.close(ignored);
    });
  }

  Local::socket socket_;
  std::shared_ptr<WaitingList> waiting_;
  WaitingList::Ticket ticket_ = 0;
  asio::streambuf buffer_{kCommandBytesMax};
  std::string answer_;
};

}  // namespace

void serve_command(Local::socket socket, ServerCore& core, std::shared_ptr<WaitingList> waiting) {
  std::make_shared<CommandConnection>(std::move(socket), std::move(waiting))->listen(core);
}

}  // namespace belay
