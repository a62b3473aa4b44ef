// au_checkpoint() and au_restore() of a program whose snapshots a server keeps: BELAY_AU_SERVER
// names it, and the program is as it was. Part of libbelay_learn.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "belay/autonomize.h"
#include "belay/checkpoint_restore.h"
#include "belay/savepoint.h"
#include "learn/carry.h"
#include "server/client_name.h"
#include "server/link.h"
#include "server/process_images.h"

namespace belay {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kReportEveryNs = kSecondNs;
constexpr uint64_t kConnectEveryNs = kSecondNs;
// A client that nobody wakes: the server has died meanwhile.
constexpr uint64_t kAsideNs = 60 * kSecondNs;
// Models do not go back with a savepoint; the server has them for the case that the program dies.
constexpr uint64_t kBackUpEveryNs = 60 * kSecondNs;

enum class Driver { kSavepoint, kProcess, kCriu, kServer };

uint64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * kSecondNs + uint64_t(now.tv_nsec);
}

struct Held {
  ModelString id;
  belay_savepoint_t savepoint;
  bool settled;  // false: the server has not answered whether it lists this one
};

class AuClient {
 public:
  AuClient(const char* address, const char* name, bool chosen, const char* driver);

  int asked();
  int take();
  int go_back();
  void resume();

 private:
  bool connect();
  std::string hello(const char* name) const;
  std::string figures();
  std::string thread_figure() const;
  Result<Reply> ask_checkpoint(uint16_t flags);
  Result<int> take_here(const char* id);
  Result<int> take_savepoint(const char* id);
  Result<int> take_process(const char* id);
  Result<int> step_aside();
  Status confirm(const char* id, uint64_t bytes, uint64_t took_ns);
  void settle();
  void settle_savepoints();
  Status settle_images();
  Status put_models();
  Status get_models();
  Status restore();
  Result<Reply> ask_restore();
  Status roll_back(const char* id);
  void forget(std::string_view text);
  void drop_image(std::string_view id);
  int complain(const Error& error);

  Link link_;
  ModelString name_, driver_name_;
  Driver driver_ = Driver::kSavepoint;
  bool name_chosen_;
  char instance_[17];
  bool unsettled_ = true;   // images: server and disk may know different ones
  bool left_ = false;       // for the time that it takes to take an image
  bool quiet_ = false;      // the server calls when the user asks
  bool has_reply_ = false;  // to a CKP, which take() has to act upon
  Reply reply_;
  ModelVector<Held> held_;
  ModelVector<ModelString> own_;  // images that this run of the program has taken
  uint64_t reported_ns_ = 0, tried_ns_ = 0, backed_up_ns_ = 0;
  uint64_t going_back_ns_ = 0, restore_ns_ = 0;
};

AuClient::AuClient(const char* address, const char* name, bool chosen, const char* driver)
    : link_(address), name_(name), driver_name_(driver), name_chosen_(chosen) {
  if (driver_name_ != "savepoint") driver_ = Driver::kServer;
  if (driver_name_ == "process") driver_ = Driver::kProcess;
  if (driver_name_ == "criu") driver_ = Driver::kCriu;
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = now_ns();
  *fmt::format_to_n(instance_, sizeof instance_ - 1, "{:016x}", random).out = 0;
}

std::string AuClient::hello(const char* name) const {
  return fmt::format("name={}\ndriver={}\ninstance={}\npid={}\n{}", name, driver_name_.c_str(),
                     instance_, getpid(), driver_ == Driver::kProcess ? store_figure() : "");
}

// Tries once a second; the program goes on without.
bool AuClient::connect() {
  if (link_.is_connected()) return true;
  uint64_t now = now_ns();
  if (tried_ns_ != 0 && now - tried_ns_ < kConnectEveryNs) return false;
  if (driver_ == Driver::kSavepoint && belay_exempt_file(link_.fd()) != 0)
    log(LogLevel::kError, "{}", belay_crerror());
  bool first = tried_ns_ == 0;
  tried_ns_ = now;
  quiet_ = false;
  if (!std::exchange(left_, false)) unsettled_ = true;
  Status connected = link_.connect(hello(name_.c_str()));
  if (!connected && connected.error().code == EACCES && !name_chosen_) {
    // Another run of this program has the name.
    name_ += fmt::format("-{}", getpid()).c_str();
    name_chosen_ = true;
    connected = link_.connect(hello(name_.c_str()));
  }
  if (connected) name_chosen_ = true;  // it keeps this one
  if (!connected && first) log(LogLevel::kError, "{}; going on alone", connected.error().text());
  if (connected && !first) log(LogLevel::kNotice, "connected to the server again");
  if (connected) settle();
  return connected.has_value();
}

// What the server's views show.
std::string AuClient::figures() {
  LearningFigures figures = learning_figures();
  reported_ns_ = now_ns();
  std::string text =
      fmt::format("episodes={}\ndecisions={}\n", figures.episodes, figures.decisions);
  if (figures.episodes != 0) text += fmt::format("score={}\n", figures.mean_return);
  if (figures.decisions != 0) text += fmt::format("loss={}\n", figures.last_loss);
  if (figures.decision_ns != 0) text += fmt::format("decision_ns={}\n", figures.decision_ns);
  if (restore_ns_ != 0) text += fmt::format("restore_ns={}\n", restore_ns_);
  if (driver_ == Driver::kProcess) text += disk_figure();
  return text;
}

// Who waits to be woken.
std::string AuClient::thread_figure() const {
  return driver_ == Driver::kCriu ? fmt::format("thread={}\n", syscall(SYS_gettid)) : "";
}

Result<Reply> AuClient::ask_checkpoint(uint16_t flags) {
  std::string text;
  if (now_ns() - reported_ns_ > kReportEveryNs) text = figures();
  text += thread_figure();
  BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kCkp, flags, "", text));
  quiet_ = reply.type == FrameType::kNo && (reply.flags & kFlagWillCall) != 0;
  forget(reply.text);
  return reply;
}

int AuClient::complain(const Error& error) {
  log(LogLevel::kError, "{}", error.text());
  return error.code == 0 ? -EIO : -error.code;
}

int AuClient::asked() {
  if (!connect()) return 0;
  bool due = now_ns() - reported_ns_ > kReportEveryNs;
  if (quiet_ && !due && !link_.is_called()) return 0;
  auto reply = ask_checkpoint(0);
  if (!reply) return complain(reply.error()), 0;
  if (reply->type != FrameType::kYes) return 0;
  reply_ = *reply;
  has_reply_ = true;
  return 1;
}

int AuClient::take() {
  if (!has_reply_) {
    if (!connect()) return -ENOTCONN;
    auto reply = ask_checkpoint(kFlagOwnRequest);
    if (!reply) return complain(reply.error());
    if (reply->type != FrameType::kYes)
      return complain(fail(EAGAIN, "the server says: {}", reply->text).value());
    reply_ = *reply;
  }
  has_reply_ = false;
  if ((reply_.flags & kFlagTakeIt) != 0) {
    auto taken = take_here(reply_.name);
    return taken ? *taken : complain(taken.error());
  }
  if ((reply_.flags & kFlagStepAside) != 0) {
    auto came = step_aside();
    return came ? *came : complain(came.error());
  }
  if ((reply_.flags & kFlagRestored) == 0) return 1;
  if (Status got = get_models(); !got) complain(got.error());
  return 2;
}

Result<int> AuClient::take_here(const char* id) {
  auto taken = driver_ == Driver::kProcess ? take_process(id) : take_savepoint(id);
  if (!taken && link_.is_connected())
    (void)link_.ask(FrameType::kSet, 0, ":snapshot", fmt::format("id={}\nfailed=1\n", id));
  return taken;
}

// Returns twice, as savepoint() does: everything but this object is as it was then.
Result<int> AuClient::take_savepoint(const char* id) {
  uint64_t began_ns = now_ns();
  belay_savepoint_t savepoint = 0;
  int back = belay_savepoint(&savepoint);
  if (back < 0) return fail(errno, "{}", belay_crerror());
  if (back > 0) {
    restore_ns_ = now_ns() - going_back_ns_;
    return 2;
  }
  struct belay_savepoint_statistics statistics;
  belay_savepoint_statistics(&statistics);
  held_.push_back({ModelString(id), savepoint, false});
  Status confirmed = confirm(id, statistics.pages_saved * 4096, now_ns() - began_ns);
  if (link_.is_connected()) held_.back().settled = true;
  if (!confirmed && link_.is_connected()) forget(fmt::format("drop={}", id));
  if (!confirmed) return tl::make_unexpected(confirmed.error());
  return 1;
}

// The connection was lost before an answer: a server that has come back knows what it had written.
void AuClient::settle() {
  if (driver_ == Driver::kSavepoint) settle_savepoints();
  if (driver_ != Driver::kProcess || !unsettled_) return;
  Status settled = settle_images();
  unsettled_ = !settled;
  if (settled) return;
  log(LogLevel::kError, "{}", settled.error().text());
  link_.disconnect();
}

// Of images and entries, those go that have no counterpart.
Status AuClient::settle_images() {
  BELAY_ASSIGN(std::vector<std::string> ids, image_ids());
  std::vector<std::string> texts(1);
  for (const std::string& id : ids) {
    constexpr size_t kMoreBytes = 16;
    const std::string line = fmt::format("id={}\n", id);
    if (texts.back().size() + line.size() + kMoreBytes > kTextBytesMax) texts.emplace_back();
    texts.back() += line;
  }
  for (size_t i = 0; i < texts.size(); i++) {
    if (i + 1 < texts.size()) texts[i] += "more=1\n";
    BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kSet, 0, ":held", texts[i]));
    if (reply.type != FrameType::kYes) return fail(EIO, "the server says: {}", reply.text);
    forget(reply.text);
  }
  return {};
}

void AuClient::settle_savepoints() {
  std::vector<std::string> ids;
  for (const Held& held : held_)
    if (!held.settled) ids.emplace_back(held.id);
  for (const std::string& id : ids) {
    Status known = confirm(id.c_str(), 0, 0);
    if (!link_.is_connected()) return;
    if (!known) forget("drop=" + id);
    for (Held& held : held_) held.settled |= std::string_view(held.id) == id;
  }
}

// The image holds no socket, so there is none while it is taken.
Result<int> AuClient::take_process(const char* id) {
  std::string name = id;
  uint64_t began_ns = now_ns();
  left_ = link_.is_connected();
  link_.disconnect();
  going_back_ns_ = 0;
  own_.push_back(ModelString(name));
  int back = belay_checkpoint_named(image_name(name).c_str());
  uint64_t took_ns = now_ns() - began_ns;
  std::string reason = back < 0 ? belay_crerror() : "";
  if (back < 0) own_.pop_back();
  tried_ns_ = 0;
  // In another run of the program, what this one knows of the server is old.
  if (back > 0) unsettled_ = true;
  bool is_back = connect();
  if (!is_back) unsettled_ = true;
  if (back <= 0 && !is_back) return fail(ENOTCONN, "the server is gone");
  if (back < 0) return fail(EIO, "{}", reason);
  if (back > 0) {
    if (going_back_ns_ != 0) restore_ns_ = now_ns() - going_back_ns_;
    Status got = is_back ? get_models() : fail(ENOTCONN, "the server is gone");
    if (!got) complain(got.error());
    return 2;
  }
  struct crstats statistics;
  belay_crstats(&statistics);
  Status confirmed = confirm(name.c_str(), statistics.written_bytes, took_ns);
  if (confirmed) return 1;
  if (link_.is_connected()) forget(fmt::format("drop={}", name));
  unsettled_ = true;
  return tl::make_unexpected(confirmed.error());
}

// Without a connection while CRIU copies this process, or ends it. In what it restores, this
// returns too.
Result<int> AuClient::step_aside() {
  sigset_t wake, before;
  sigemptyset(&wake);
  sigaddset(&wake, SIGURG);
  pthread_sigmask(SIG_BLOCK, &wake, &before);
  link_.disconnect();
  const timespec slice = {1, 0};
  for (uint64_t waited_ns = 0; waited_ns < kAsideNs;) {
    uint64_t began_ns = now_ns();
    if (sigtimedwait(&wake, nullptr, &slice) == SIGURG) break;
    if (errno != EAGAIN && errno != EINTR) break;
    waited_ns += std::min(now_ns() - began_ns, kSecondNs);  // in an image it may be days later
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  tried_ns_ = 0;
  if (!connect()) return fail(ENOTCONN, "the server is gone");
  BELAY_ASSIGN(Reply reply, ask_checkpoint(kFlagBack));
  if (reply.type != FrameType::kYes) return fail(EIO, "the server says: {}", reply.text);
  if ((reply.flags & kFlagRestored) == 0) return 1;
  if (Status got = get_models(); !got) complain(got.error());
  return 2;
}

Status AuClient::confirm(const char* id, uint64_t bytes, uint64_t took_ns) {
  std::string text = fmt::format("id={}\nbytes={}\ntake_ns={}\n", id, bytes, took_ns);
  if (driver_ == Driver::kProcess) text += disk_figure();
  BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kSet, 0, ":snapshot", text));
  forget(reply.text);
  if (reply.type == FrameType::kYes) return {};
  return fail(EIO, "the server says: {}", reply.text);
}

void AuClient::drop_image(std::string_view id) {
  std::erase_if(own_, [&](const ModelString& own) { return std::string_view(own) == id; });
  reported_ns_ = 0;  // the server wants to know what the disk holds now
  if (belay_crdrop(image_name(id).c_str()) != 0 && errno != ENOENT)
    log(LogLevel::kError, "{}", belay_crerror());
}

// Snapshots that the server has dropped: "drop=ID" lines.
void AuClient::forget(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    std::string_view id = text_value(line, "drop");
    if (driver_ == Driver::kProcess && !id.empty()) drop_image(id);
    for (size_t i = 0; i < held_.size(); i++) {
      if (std::string_view(held_[i].id) != id) continue;
      belay_release_savepoint(held_[i].savepoint);
      held_.erase(held_.begin() + static_cast<long>(i--));
    }
  }
}

Status AuClient::put_models() {
  for (const CarriedModel& model : carried_models()) {
    BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kSet, 0, model.file, model.bytes));
    if (reply.type != FrameType::kYes)
      return fail(EIO, "the server did not take {}: {}", model.file, reply.text);
  }
  backed_up_ns_ = now_ns();
  return {};
}

Status AuClient::get_models() {
  Status first;
  for (const std::string& file : carried_files()) {
    BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kGet, 0, file, ""));
    if (reply.type != FrameType::kSet) continue;  // never SET
    std::vector<std::byte> bytes(reply.body_bytes);
    BELAY_TRY(link_.read_body(bytes));
    Status put = put_back_model(file, std::move(bytes));
    if (first && !put) first = put;
  }
  return first;
}

int AuClient::go_back() {
  Status status = restore();
  // None taken is an answer, not a failure.
  return status.error().code == ENOENT ? -ENOENT : complain(status.error());
}

// Does not return but to fail.
Status AuClient::restore() {
  going_back_ns_ = now_ns();
  auto goal = ask_restore();
  if (!goal) {
    // A server that is away keeps nobody from going back.
    bool alone = !link_.is_connected() && driver_ == Driver::kSavepoint && !held_.empty();
    if (!alone) return tl::make_unexpected(goal.error());
    return roll_back(held_.back().id.c_str());
  }
  if (driver_ == Driver::kSavepoint) return roll_back(goal->name);
  if (driver_ == Driver::kCriu) {
    auto came = step_aside();  // fails, or is never seen again
    return came ? fail(EIO, "the server has restored nothing") : tl::make_unexpected(came.error());
  }
  if (driver_ == Driver::kServer) return fail(EIO, "the server has restored another place");
  const std::string id = goal->name;
  link_.disconnect();
  tried_ns_ = 0;
  // Models stay in this process's memory, as far as they are those of the image.
  const bool is_own = std::any_of(own_.begin(), own_.end(), [&](const ModelString& own) {
    return std::string_view(own) == id;
  });
  if (!is_own) return become_image(id);
  belay_restore_named(image_name(id).c_str());
  return fail(EIO, "{}", belay_crerror());
}

// As au_restore() at the very beginning; without a server, to the newest that there is.
void AuClient::resume() {
  auto goal = ask_restore();
  const bool alone = !link_.is_connected();
  if (!goal && !alone) return;
  const std::string id = alone ? "" : goal->name;
  link_.disconnect();
  tried_ns_ = 0;
  complain(become_image(id).error());
}

// The answer that says where to go back to.
Result<Reply> AuClient::ask_restore() {
  if (!connect()) return fail(ENOTCONN, "no server");
  if (driver_ != Driver::kSavepoint || going_back_ns_ - backed_up_ns_ > kBackUpEveryNs)
    BELAY_TRY(put_models());
  std::string text;
  if (going_back_ns_ - reported_ns_ > kReportEveryNs) text = figures();
  text += thread_figure();
  BELAY_ASSIGN(Reply reply, link_.ask(FrameType::kRes, 0, "", text));
  if (reply.type != FrameType::kYes) return fail(ENOENT, "the server says: {}", reply.text);
  forget(reply.text);
  return reply;
}

Status AuClient::roll_back(const char* id) {
  for (const Held& held : held_) {
    if (held.id != id) continue;
    belay_rollback_to(held.savepoint, 1);
    return fail(errno, "{}", belay_crerror());
  }
  return fail(ENOENT, "snapshot {} is not of this process", id);
}

AuClient& of(void* context) { return *static_cast<AuClient*>(context); }

// Runs once learn/autonomize.cc has what does not go back.
__attribute__((constructor)) void use_server() {
  const char* address = environment("BELAY_AU_SERVER", nullptr);
  if (address == nullptr) return;
  const char* chosen = environment("BELAY_AU_CLIENT", nullptr);
  char name[kFrameNameMax];
  default_name(name);
  bool is_port = std::string_view(address).starts_with("port:");
  const char* driver = environment("BELAY_AU_DRIVER", is_port ? "vm" : "savepoint");
  AuClient* client =
      make_in_model_memory<AuClient>(address, chosen ? chosen : name, chosen != nullptr, driver)
          .release();
  if (driver == std::string_view("process") && wants_to_resume()) client->resume();
  belay_au_snapshots snapshots{client, [](void* context) { return of(context).asked(); },
                               [](void* context) { return of(context).take(); },
                               [](void* context) { return of(context).go_back(); }};
  belay_au_use_snapshots(&snapshots);
}

}  // namespace
}  // namespace belay
