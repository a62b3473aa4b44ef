// Test only: a host that does nothing for its session but to note it, as words.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/session.h"

namespace belay {

// Notes what the session wants, as words.
class NotingHost final : public SessionHost {
 public:
  explicit NotingHost(bool takes_snapshots = false) : on_server(takes_snapshots) {}
  std::vector<std::string> said;
  bool on_server;
  bool saves = true;  // what nobody waits for, at once
  Status disk;

  void send(FrameType type, uint16_t flags, std::string_view name, std::string_view body) override {
    said.push_back(fmt::format("{}{}{}{}", name_of(type),
                               flags != 0 ? fmt::format(":{}", flags) : "",
                               name.empty() ? "" : " " + std::string(name),
                               type == FrameType::kNo && !body.empty() ? " why" : ""));
    text = body;
  }
  void send_shared(FrameType type, std::string_view name, Hub::Body body) override {
    said.push_back(fmt::format("{} {}={}", name_of(type), name, *body));
  }
  Status send_file(const Client&, std::string_view name) override {
    EXPECT_TRUE(is_plain_name(name)) << "a way out of the client's folder";
    if (name != "here.model") return fail(ENOENT, "no file");
    said.push_back("file");
    return {};
  }
  Status begin_file(const Client&, std::string_view name, uint64_t) override {
    said.push_back("begin " + std::string(name));
    return {};
  }
  Status file_data(std::span<const std::byte>) override { return disk; }
  void commit_file() override { said.push_back("store"); }
  void abandon_file() override { said.push_back("abandon"); }
  Result<bool> takes_snapshots(std::string_view driver) override {
    if (driver == "floppy") return fail(ENOTSUP, "no such driver");
    return on_server;
  }
  void take(const std::string&) override { said.push_back("take"); }
  void restore(const std::string&) override { said.push_back("restore"); }
  void commit(Client& client) override {
    said.push_back("commit");
    client.saved_change = client.change;
  }
  void while_aside(Client&) override { said.push_back("aside"); }
  void save(Client& client) override {
    if (saves) client.saved_change = client.change;
  }
  uint64_t now_unix_ms() override { return 1000; }

  std::string text;  // the body of what was sent last
};

}  // namespace belay
