// The way of an actor's experience and a learner's weights: BELAY_AU_EXCHANGE names the server. A
// connection beside that of the snapshots (client.cc), whichever driver those have.
// Part of libbelay_learn.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>

#include "base/log.h"
#include "belay/checkpoint_restore.h"
#include "belay/savepoint.h"
#include "learn/exchange.h"
#include "server/client_name.h"
#include "server/link.h"

namespace belay {
namespace {

class ExchangeClient final : public Exchange {
 public:
  ExchangeClient(const char* address, const char* name) : link_(address), name_(name) {}

  Status send(std::string_view model, std::span<const std::byte> batch,
              std::vector<std::byte>& weights) override {
    return converse([&]() -> Status {
      if (answer_due_) BELAY_TRY(take_answer(weights));
      BELAY_TRY(link_.tell(FrameType::kExp, 0, model, batch));
      answer_due_ = true;
      return batch.empty() ? take_answer(weights) : Status();
    });
  }
  Status publish(std::string_view model, std::span<const std::byte> weights) override {
    return converse([&]() -> Status {
      BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kWts, 0, model, weights));
      if (reply.type == FrameType::kYes) return {};
      return fail(EBUSY, "the server says: {}", reply.text);
    });
  }
  Status receive(std::vector<std::byte>& batch) override {
    return converse([&]() -> Status {
      BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kGet, 0, ":experience", ""));
      if (reply.type == FrameType::kNo) return fail(EINVAL, "the server says: {}", reply.text);
      return read_body(reply, batch);
    });
  }

 private:
  // The program may have gone back in the middle of a conversation: then it begins a new one.
  template <class Talk>
  Status converse(Talk talk) {
    if (talking_) link_.disconnect();
    if (!link_.is_connected()) BELAY_TRY(connect());
    talking_ = true;
    Status status = talk();
    talking_ = false;
    return status;
  }
  Status connect() {
    answer_due_ = false;
    if (belay_exempt_file(link_.fd()) != 0) return fail(errno, "{}", belay_crerror());
    return link_.connect(
        fmt::format("name={0}\ndriver=none\ninstance={1}\npid={1}\n", name_.c_str(), getpid()));
  }
  Status take_answer(std::vector<std::byte>& weights) {
    answer_due_ = false;
    BELAY_ASSIGN(Reply reply, link_.answer());
    if (reply.type == FrameType::kNo) return fail(ENOENT, "the server says: {}", reply.text);
    return read_body(reply, weights);
  }
  Status read_body(const Reply& reply, std::vector<std::byte>& to) {
    if (is_text(reply.type)) return {};
    to.resize(reply.body_bytes);
    return link_.read_body(to);
  }

  Link link_;
  ModelString name_;
  bool talking_ = false;
  bool answer_due_ = false;  // to an actor's last message
};

// Runs once learn/autonomize.cc has what does not go back.
__attribute__((constructor)) void use_named_exchange() {
  const char* address = getenv("BELAY_AU_EXCHANGE");
  if (address == nullptr || *address == 0) return;
  const char* mode = getenv("BELAY_AU");
  const bool acts = mode != nullptr && strcmp(mode, "act") == 0;
  if (!acts && (mode == nullptr || strcmp(mode, "learn") != 0)) return;
  char name[kFrameNameMax];
  default_name(name);
  const char* number = getenv("BELAY_AU_ACTOR");
  std::string role = acts ? fmt::format("{}.actor-{}", name, number ? number : "0")
                          : fmt::format("{}.learner", name);
  use_exchange(*make_in_model_memory<ExchangeClient>(address, role.c_str()).release());
}

}  // namespace
}  // namespace belay
