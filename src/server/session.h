// One client's side of the conversation, as a state machine: frames and events in, frames and
// actions out. docs/server_protocol.md has the table. Knows no socket, file or clock.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.h"
#include "server/hub.h"
#include "server/protocol.h"

namespace belay {

// What a session has done for it. What takes long is answered later, by one of Session's on_...().
class SessionHost {
 public:
  virtual ~SessionHost() = default;

  virtual void send(FrameType type, uint16_t flags, std::string_view name,
                    std::string_view body) = 0;
  virtual void send_shared(FrameType type, std::string_view name, Hub::Body body) = 0;
  // A SET with the file's contents. Fails with ENOENT.
  virtual Status send_file(const Client& client, std::string_view name) = 0;

  // A file comes in: begin, any number of data, and commit, which on_stored() answers when it is
  // durable; or abandon at any point.
  virtual Status begin_file(const Client& client, std::string_view name, uint64_t bytes) = 0;
  virtual Status file_data(std::span<const std::byte> data) = 0;
  virtual void commit_file() = 0;
  virtual void abandon_file() = 0;

  // Whether snapshots with this driver are taken on the server's side; fails when they can't be.
  virtual Result<bool> takes_snapshots(std::string_view driver) = 0;
  virtual void take(const std::string& id) = 0;     // on_taken()
  virtual void restore(const std::string& id) = 0;  // on_restored()
  // The client's entry goes to disk: on_committed().
  virtual void commit(Client& client) = 0;
  // The same, when there is time: nobody waits.
  virtual void save(Client& client) = 0;
  // What Client::aside wants; then the client is woken.
  virtual void while_aside(Client& client) = 0;
  virtual uint64_t now_unix_ms() = 0;
};

class Session final : public FrameSink {
 public:
  enum class State {
    kGreeting,    // nothing but SET :client
    kReady,       // the client may ask for anything
    kReceiving,   // in the middle of a SET
    kStoring,     // the file of a SET becomes durable
    kTaking,      // the driver takes a snapshot, the client waits for the answer to its CKP
    kRestoring,   // the driver restores one, the client waits for the answer to its RES
    kCommitting,  // a new snapshot becomes durable in the catalogue
    kWaiting,     // experience waits for room, and for a learner
    kDrawing,     // the learner waits for experience
    kClosed,
  };

  Session(Catalog& catalog, Hub& hub, SessionHost& host)
      : catalog_(catalog), hub_(hub), host_(host) {}
  ~Session() override;
  Session(const Session&) = delete;

  State state() const { return state_; }
  Client* client() { return client_; }

  // From the parser. An error has been answered with NO, and the connection is to be closed.
  Status begin(const Frame& frame) override;
  Status body(std::span<const std::byte> data) override;
  Status end() override;

  // What the client runs in is being brought back, without a greeting: it is at this snapshot, and
  // waits for the answer to the CKP of then, which on_restored() gives. Fails with EEXIST when
  // somebody has greeted meanwhile. pre: the client has this snapshot.
  Status resume(Client& client, const std::string& id);
  // The user wants a checkpoint: the client is called.
  void on_asked();
  void on_stored(const Status& status);
  void on_taken(const Status& status);
  void on_restored(const Status& status);
  void on_committed(const Status& status);
  // From the hub: what waits may be sent; the learner that draws may have something.
  void on_room();
  void on_experience();
  // A second has passed.
  void on_tick();
  // The connection is gone.
  void on_disconnect();

 private:
  using Why = tl::unexpected<Error>;
  // NO, and the end of the connection; or the client may go on, and nothing has failed.
  Status refuse(const Error& error);
  Status refuse(const Why& why) { return refuse(why.value()); }
  Status say_no(const Error& error);
  Status say_no(const Why& why) { return say_no(why.value()); }
  void leave();
  void answer(FrameType type, uint16_t flags, std::string_view name);
  Status greet();
  Status checkpoint(bool own_request);
  Status restore();
  Status get(std::string_view name);
  Status note_snapshot();
  Status note_held();
  void step_aside(const std::string& id, bool restores);
  Status say_outcome();
  void add_snapshot(const std::string& id);
  void commit_snapshot(const std::string& id);
  Status reserved_set();
  Status offer();
  void accept_experience();
  Status publish();
  Status draw();

  Catalog& catalog_;
  Hub& hub_;
  SessionHost& host_;
  State state_ = State::kGreeting;
  Client* client_ = nullptr;
  bool on_server_ = false;    // a driver of the server's takes the snapshots
  bool steps_aside_ = false;  // ... and the client lets go of its connection for it
  bool goes_aside_ = false;   // when it has
  bool will_call_ = false;    // the client has been told not to ask

  // The frame that is coming in.
  FrameType type_ = FrameType::kNo;
  uint16_t flags_ = 0;
  std::string name_, text_;
  bool is_file_ = false;
  Status file_status_;

  std::vector<std::string> held_;  // what the client keeps itself, as far as it has told

  std::string working_on_;  // id of the snapshot that is taken or restored
  uint64_t began_ms_ = 0;

  std::string model_;  // that it learns, or has experience of that waits
  bool learns_ = false;
  Hub::Body experience_;
  uint64_t weights_version_ = 0;  // that it has been sent
  unsigned waited_seconds_ = 0;
};

}  // namespace belay
