// What a checkpoint says about the program that it is of.
#pragma once

#include <string>
#include <vector>

#include "image/description.h"
#include "store/reader.h"

namespace belay::cli {

// A loaded checkpoint with its parsed description; closes the file.
class RecordedProgram {
 public:
  // Fails when the checkpoint cannot be loaded.
  explicit RecordedProgram(const CheckpointInfo& info);
  ~RecordedProgram();
  RecordedProgram(const RecordedProgram&) = delete;
  RecordedProgram& operator=(const RecordedProgram&) = delete;

  const LoadedCheckpoint& checkpoint() const { return checkpoint_; }
  const Description& description() const { return description_; }
  std::vector<std::string> arguments() const;

 private:
  LoadedCheckpoint checkpoint_;
  Description description_;  // views checkpoint_.description
};

// A command line as one would type it.
std::string quote(const std::vector<std::string>& arguments);

// Whether these are the same programs' arguments: argv[0] may be another path to it, and for a
// script the kernel put the interpreter before it.
bool same_arguments(const std::vector<std::string>& recorded,
                    const std::vector<std::string>& given);

}  // namespace belay::cli
