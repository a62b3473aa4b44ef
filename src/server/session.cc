#include "server/session.h"

#include <errno.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace belay {

Session::~Session() { on_disconnect(); }

void Session::on_disconnect() {
  if (state_ == State::kReceiving && is_file_) host_.abandon_file();
  leave();
  state_ = State::kClosed;
}

void Session::leave() {
  state_ = State::kGreeting;
  if (!model_.empty()) hub_.leave(*this, model_);
  model_.clear();
  // Another connection of the same program may have taken over.
  if (client_ != nullptr && client_->session == this) {
    client_->connected = false;
    client_->session = nullptr;
    if (std::exchange(goes_aside_, false)) host_.while_aside(*client_);
  }
  client_ = nullptr;
}

Status Session::say_no(const Error& error) {
  host_.send(FrameType::kNo, 0, "", error.text());
  return {};
}

Status Session::refuse(const Error& error) {
  say_no(error);
  on_disconnect();
  return tl::make_unexpected(error);
}

Status Session::begin(const Frame& frame) {
  bool greets = frame.type == FrameType::kSet && frame.name == ":client";
  if (state_ == State::kGreeting && !greets)
    return refuse(fail(EPROTO, "{} before SET :client", name_of(frame.type)));
  if (state_ == State::kReady && greets) return refuse(fail(EPROTO, "SET :client a second time"));
  if (state_ != State::kGreeting && state_ != State::kReady)
    return refuse(fail(EPROTO, "{} before the answer to {}", name_of(frame.type), name_of(type_)));
  if (client_ != nullptr && client_->session != this)
    return refuse(fail(ECONNRESET, "the program has connected anew"));
  if (client_ != nullptr) client_->told.clear();  // who asks has read the last answer
  if (frame.type == FrameType::kYes || frame.type == FrameType::kNo)
    return refuse(fail(EPROTO, "a {} that answers nothing", name_of(frame.type)));

  type_ = frame.type;
  flags_ = frame.flags;
  name_ = frame.name;
  text_.clear();
  file_status_ = {};
  is_file_ = type_ == FrameType::kSet && !frame.name.starts_with(kReservedPrefix);
  if (!is_file_ && is_text(type_) && frame.body_bytes > kTextBytesMax)
    return refuse(
        fail(EMSGSIZE, "SET {} of {} bytes, at most {}", name_, frame.body_bytes, kTextBytesMax));
  if (state_ == State::kReady) state_ = State::kReceiving;
  if (is_file_) {
    // The body has to be read all the same; the answer comes behind it.
    file_status_ = is_plain_name(frame.name)
                       ? host_.begin_file(*client_, frame.name, frame.body_bytes)
                       : fail(EINVAL, "no name of a file: 1 to 63 letters, digits, '-', '_', '.'");
  }
  return {};
}

Status Session::body(std::span<const std::byte> data) {
  if (!is_file_) {
    text_.append(reinterpret_cast<const char*>(data.data()), data.size());
  } else if (file_status_) {
    file_status_ = host_.file_data(data);
    if (!file_status_) host_.abandon_file();
  }
  return {};
}

Status Session::end() {
  if (state_ == State::kGreeting) return greet();
  state_ = State::kReady;
  client_->requests++;
  switch (type_) {
    case FrameType::kCkp:
      catalog_.note_metrics(*client_, text_, host_.now_unix_ms());
      if (catalog_.make_room(*client_)) host_.save(*client_);
      return checkpoint((flags_ & kFlagOwnRequest) != 0);
    case FrameType::kRes:
      catalog_.note_metrics(*client_, text_, host_.now_unix_ms());
      return restore();
    case FrameType::kGet:
      return get(name_);
    default:
      break;
  }
  if (type_ == FrameType::kExp) return offer();
  if (type_ == FrameType::kWts) return publish();
  if (!is_file_) return reserved_set();
  if (!file_status_) return say_no(file_status_.error());
  state_ = State::kStoring;
  host_.commit_file();
  return {};
}

Status Session::greet() {
  auto on_server = host_.takes_snapshots(text_value(text_, "driver"));
  if (!on_server) return refuse(on_server.error());
  auto joined = catalog_.join(text_value(text_, "name"), text_value(text_, "driver"),
                              text_value(text_, "instance"), text_value(text_, "store"),
                              text_value(text_, "newest"));
  if (!joined) return refuse(joined.error());
  client_ = *joined;
  client_->session = this;
  on_server_ = *on_server;
  steps_aside_ = client_->driver == "criu";
  double pid = number_value(text_, "pid");
  if (pid > 0 && pid < 1e9) client_->pid = static_cast<uint64_t>(pid);
  if (client_->driver == kNoDriver) {  // nothing of it is kept
    state_ = State::kReady;
    answer(FrameType::kYes, 0, "");
    return {};
  }
  // A run that is over has left its snapshots, or lost them.
  state_ = State::kCommitting;
  working_on_.clear();
  host_.commit(*client_);
  return {};
}

Status Session::resume(Client& client, const std::string& id) {
  if (state_ != State::kGreeting || client.connected)
    return fail(EEXIST, "client '{}' is connected already", client.name);
  client_ = &client;
  client.connected = true;
  client.session = this;
  on_server_ = true;
  if (client.goal()->id != id) client.target = id;  // the goal could not be restored
  working_on_ = id;
  state_ = State::kRestoring;
  return {};
}

// YES or NO, with what the client is to forget.
void Session::answer(FrameType type, uint16_t flags, std::string_view name) {
  std::string body;
  const bool tells = !on_server_ && client_->session == this && client_->is_saved();
  while (tells && !client_->dropped.empty()) {
    std::string line = "drop=" + client_->dropped.back() + "\n";
    if (body.size() + line.size() > kTextBytesMax) break;
    body += line;
    client_->told.push_back(std::move(client_->dropped.back()));
    client_->dropped.pop_back();
  }
  host_.send(type, flags, name, body);
}

Status Session::checkpoint(bool own_request) {
  if (client_->driver == kNoDriver)
    return say_no(fail(ENOTSUP, "a client with the driver 'none' has no snapshots"));
  if ((flags_ & kFlagBack) != 0) return say_outcome();
  if (!client_->asked && !own_request) {
    will_call_ = true;
    answer(FrameType::kNo, kFlagWillCall, "");
    return {};
  }
  client_->asked = false;
  will_call_ = false;
  auto id = catalog_.new_snapshot(*client_);
  if (!id) return say_no(id.error());
  if (steps_aside_) {
    step_aside(*id, false);
  } else if (on_server_) {
    state_ = State::kTaking;
    working_on_ = *id;
    began_ms_ = host_.now_unix_ms();
    host_.take(*id);
  } else {
    client_->pending = *id;
    answer(FrameType::kYes, kFlagTakeIt, *id);
  }
  return {};
}

Status Session::restore() {
  const Snapshot* goal = client_->goal();
  if (goal == nullptr)
    return say_no(fail(ENOENT, "no snapshot of '{}' has been taken", client_->name));
  working_on_ = goal->id;
  if (steps_aside_) {
    step_aside(goal->id, true);
  } else if (on_server_) {
    state_ = State::kRestoring;
    host_.restore(goal->id);
  } else {
    client_->current = goal->id;
    client_->restores++;
    answer(FrameType::kYes, kFlagGoBack, goal->id);
  }
  return {};
}

void Session::step_aside(const std::string& id, bool restores) {
  client_->aside = {.id = id, .restores = restores};
  double thread = number_value(text_, "thread");
  if (thread > 0 && thread < 1e9) client_->aside.thread = static_cast<pid_t>(thread);
  goes_aside_ = true;
  answer(FrameType::kYes, kFlagStepAside, id);
}

// To a client that is back.
Status Session::say_outcome() {
  if (!client_->aside.is_done)
    return say_no(fail(EAGAIN, "nothing has been done while the client was aside"));
  Aside aside = std::exchange(client_->aside, {});
  if (!aside.outcome) return say_no(aside.outcome.error());
  answer(FrameType::kYes, aside.restores ? kFlagRestored : kFlagTaken, aside.id);
  if (catalog_.make_room(*client_)) host_.save(*client_);
  return {};
}

Status Session::get(std::string_view name) {
  if (name == ":experience") return draw();
  Status sent =
      is_plain_name(name) ? host_.send_file(*client_, name) : fail(EINVAL, "no name of a file");
  return sent ? sent : say_no(sent.error());
}

// An actor's. The answer comes when its learner can have it, at the latest.
Status Session::offer() {
  Status refused;
  if (!is_plain_name(name_)) refused = fail(EINVAL, "no name of a model");
  if (learns_) refused = fail(EINVAL, "a learner has no experience of its own");
  if (!refused) return say_no(refused.error());
  model_ = name_;
  experience_ = std::make_shared<const std::string>(std::move(text_));
  waited_seconds_ = 0;
  state_ = State::kWaiting;
  on_room();
  return {};
}

void Session::on_room() {
  if (state_ != State::kWaiting) return;
  if (!hub_.put(model_, experience_)) return hub_.wait(*this, model_);
  accept_experience();
}

// YES, or weights that the actor hasn't.
void Session::accept_experience() {
  Hub::Weights weights = hub_.weights(model_);
  model_.clear();
  experience_.reset();
  state_ = State::kReady;
  if (weights.body == nullptr || weights.version == weights_version_)
    return answer(FrameType::kYes, 0, "");
  weights_version_ = weights.version;
  host_.send_shared(FrameType::kWts, name_, weights.body);
}

Status Session::publish() {
  Status published = fail(EINVAL, "no name of a model");
  if (learns_ && model_ != name_) {
    published = fail(EINVAL, "this is the learner of '{}'", model_);
  } else if (is_plain_name(name_)) {
    published = hub_.publish(*this, name_, std::make_shared<const std::string>(std::move(text_)));
  }
  if (!published) return say_no(published.error());
  learns_ = true;
  model_ = name_;
  answer(FrameType::kYes, 0, "");
  return {};
}

Status Session::draw() {
  if (!learns_) return say_no(fail(EINVAL, "experience is for learners, who begin with weights"));
  waited_seconds_ = 0;
  state_ = State::kDrawing;
  on_experience();
  return {};
}

void Session::on_experience() {
  if (state_ != State::kDrawing) return;
  state_ = State::kReady;  // those who find room because of it bring something: one at a time
  if (Hub::Body experience = hub_.next(model_)) {
    host_.send_shared(FrameType::kExp, model_, experience);
  } else {
    state_ = State::kDrawing;
  }
}

void Session::on_tick() {
  constexpr unsigned kIdleSeconds = 1, kNoLearnerSeconds = 60;
  if (state_ == State::kDrawing && ++waited_seconds_ > kIdleSeconds) {
    state_ = State::kReady;
    host_.send_shared(FrameType::kExp, model_, std::make_shared<const std::string>());
  }
  if (state_ != State::kWaiting || hub_.has_learner(model_)) return;
  if (++waited_seconds_ <= kNoLearnerSeconds) return;
  hub_.leave(*this, model_);
  state_ = State::kReady;
  say_no(fail(ENOENT, "nobody learns the model '{}'", model_));
  model_.clear();
  experience_.reset();
}

Status Session::reserved_set() {
  if (name_ == ":snapshot") return note_snapshot();
  if (name_ == ":held") return note_held();
  if (name_ != ":metrics") return say_no(fail(EINVAL, "SET {}: no such thing", name_));
  catalog_.note_metrics(*client_, text_, host_.now_unix_ms());
  answer(FrameType::kYes, 0, "");
  return {};
}

// What a client keeps on disk by itself, in as many messages as that takes. What only one of client
// and catalogue knows goes.
Status Session::note_held() {
  constexpr size_t kHeldMax = 200'000;
  if (client_->driver != "process")
    return say_no(fail(EINVAL, "SET :held is for the driver 'process'"));
  for (std::string_view rest = text_; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    std::string_view id = text_value(line, "id");
    if (is_plain_name(id) && held_.size() < kHeldMax) held_.emplace_back(id);
  }
  if (!text_value(text_, "more").empty()) {
    host_.send(FrameType::kYes, 0, "", "");
    return {};
  }
  if (catalog_.keep_only(*client_, std::exchange(held_, {}), host_.now_unix_ms())) {
    commit_snapshot("");
  } else {
    answer(FrameType::kYes, 0, "");
  }
  return {};
}

// The client has taken the one that it was told to take, or has failed to.
Status Session::note_snapshot() {
  std::string id(text_value(text_, "id"));
  if (const Snapshot* known = client_->find(id)) {  // the answer to the first was not heard
    if (known->durable) {
      answer(FrameType::kYes, 0, id);
    } else {
      commit_snapshot(id);
    }
    return {};
  }
  if (client_->pending.empty() || id != client_->pending)
    return say_no(fail(EINVAL, "no snapshot of this name was to be taken"));
  client_->pending.clear();
  catalog_.note_metrics(*client_, text_, host_.now_unix_ms());
  if (text_value(text_, "failed").empty()) {
    add_snapshot(id);
  } else {
    answer(FrameType::kYes, 0, "");
  }
  return {};
}

void Session::add_snapshot(const std::string& id) {
  Snapshot snapshot{.id = id, .taken_unix_ms = host_.now_unix_ms()};
  double bytes = number_value(text_, "bytes"), take_ns = number_value(text_, "take_ns");
  if (bytes >= 0 && bytes < 1e18) snapshot.bytes = static_cast<uint64_t>(bytes);
  if (take_ns >= 0 && take_ns < 1e18) snapshot.take_ns = static_cast<uint64_t>(take_ns);
  if (on_server_) snapshot.take_ns = (snapshot.taken_unix_ms - began_ms_) * 1'000'000;
  catalog_.add(*client_, std::move(snapshot));
  commit_snapshot(id);
}

void Session::commit_snapshot(const std::string& id) {
  working_on_ = id;
  state_ = State::kCommitting;
  host_.commit(*client_);
}

void Session::on_asked() {
  if (client_ == nullptr || !will_call_ || state_ != State::kReady) return;
  will_call_ = false;
  host_.send(FrameType::kCkp, 0, "", "");
}

void Session::on_stored(const Status& status) {
  if (state_ != State::kStoring) return;
  state_ = State::kReady;
  if (status) {
    answer(FrameType::kYes, 0, name_);
  } else {
    say_no(status.error());
  }
}

void Session::on_taken(const Status& status) {
  if (state_ != State::kTaking) return;
  state_ = State::kReady;
  if (status) {
    add_snapshot(working_on_);
  } else {
    say_no(status.error());
  }
}

void Session::on_restored(const Status& status) {
  if (state_ != State::kRestoring) return;
  state_ = State::kReady;
  if (!status) {
    say_no(status.error());
    return;
  }
  client_->current = working_on_;
  client_->restores++;
  // What it knew of being called is from then.
  will_call_ = false;
  answer(FrameType::kYes, kFlagRestored, working_on_);
}

void Session::on_committed(const Status& status) {
  if (state_ != State::kCommitting) return;
  state_ = State::kReady;
  if (!status) {
    // Not confirmed, so not there.
    if (!working_on_.empty()) catalog_.take_back(*client_, working_on_);
    say_no(status.error());
    if (working_on_.empty()) leave();  // it may greet again
    return;
  }
  if (Snapshot* taken = client_->find(working_on_)) taken->durable = true;
  bool taken_here = type_ == FrameType::kCkp;
  answer(FrameType::kYes, taken_here ? kFlagTaken : 0, working_on_);
  if (catalog_.make_room(*client_)) host_.save(*client_);
}

}  // namespace belay
