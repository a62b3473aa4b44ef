// The vocabulary of these tests: a folder of their own, the `belay` command in it, and what the
// command said.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace belay {

using Arguments = std::vector<std::string>;

struct Outcome {
  int exit_code = -1;  // -1: ended by `signal`
  int signal = 0;
  std::string out, err;
};

// A command that runs beside the test. The destructor kills what is left of it.
class Running {
 public:
  Running(const Arguments& arguments, const std::string& folder);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t pid() const { return pid_; }
  // The next line of its standard output, without the newline; empty at the end.
  std::string line();
  // Writes a line to its standard input, and returns the next of its output.
  std::string ask(const std::string& question);
  void close_input();
  // Sends a signal to the command alone.
  void send(int signal) const;
  // Whether it stops, rather than ends.
  bool waits_until_stopped();
  Outcome wait();

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string err_path_;
};

// Each test has a folder, which goes with it, and a store in there.
class CommandTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  Outcome belay(const Arguments& arguments) {
    return Running(with_belay(arguments), folder_).wait();
  }
  // belay run OPTIONS -- PROGRAM, for a program of these tests or one of the system.
  Arguments run(const Arguments& options, const Arguments& program) const;
  Arguments with_belay(Arguments arguments) const;
  nlohmann::json json(const Arguments& arguments);

  std::string store() const { return folder_ + "/store"; }
  std::string folder_;
};

}  // namespace belay
