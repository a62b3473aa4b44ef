// What the command exits with, after sysexits(3) where a program of its own has not already spoken.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"

namespace belay::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitNothing = 1,          // nothing there, or found damaged by `verify`
  kExitUsage = 64,           // wrong arguments
  kExitData = 65,            // checkpoints are damaged
  kExitUnavailable = 69,     // not running, or the checkpoint was refused
  kExitCannotCreate = 73,    // the store cannot be created
  kExitIo = 74,              // reading or writing failed
  kExitBusy = 75,            // in use by another process, or not in time
  kExitPermission = 77,      // not allowed
  kExitConfig = 78,          // this program or store cannot be used
  kExitCannotExecute = 126,  // as env(1) and the shells
  kExitNotFound = 127,
  kExitSignal = 128,  // + the number of the signal that ended the program
};

// Ends the command: a sentence for standard error and the exit code.
class Failure : public std::runtime_error {
 public:
  Failure(int exit_code, const std::string& sentence)
      : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

int exit_code_of_errno(int code);

// The value, or a Failure with the error's sentence.
template <class T>
T require(Result<T> result) {
  if (!result) {
    throw Failure(exit_code_of_errno(result.error().code), std::string(result.error().text()));
  }
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace belay::cli
