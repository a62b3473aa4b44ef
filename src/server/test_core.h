// Test only: a server without sockets and threads, whose clock is the test's.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include "server/server_core.h"

namespace belay {

inline std::string make_test_folder() {
  std::string name = testing::TempDir() + "belay-server-XXXXXX";
  EXPECT_NE(mkdtemp(name.data()), nullptr);
  return name;
}

// Everything at once, on the test's clock.
class TestCore final : public ServerCore {
 public:
  TestCore(StateFolder folder, ServerLimits limits)
      : folder_(std::move(folder)), catalog_(limits, "t") {}
  Catalog& catalog() override { return catalog_; }
  Hub& hub() override { return hub_; }
  StateFolder& folder() override { return folder_; }
  uint64_t now_unix_ms() override { return now_ms; }
  void run(std::function<Status()> work, std::function<void(Status)> done) override {
    done(work());
  }
  void run_driver(std::function<Status()> work, std::function<void(Status)> done) override {
    done(work());
  }
  void commit(Client& client, std::function<void(Status)> done) override {
    done(folder_.make_client(client.name));
  }
  void use_driver(Client& client, std::shared_ptr<DriverSlot>,
                  std::function<void(Status)> done) override {
    commit(client, done);
  }
  bool has_criu() const override { return false; }
  std::shared_ptr<DriverSlot> criu_of(const std::string&) override { return nullptr; }
  void while_aside(Client&) override {}
  void changed() override {}
  void stop() override {}

  uint64_t now_ms = 1'000'000;

 private:
  StateFolder folder_;
  Catalog catalog_;
  Hub hub_;
};

}  // namespace belay
