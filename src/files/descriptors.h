// Open files of the process: what they are, and bringing them back.
//
// describe_files() runs while threads stand still: allocates nothing. restore_files() is ordinary
// code of the process that is about to become the image.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "image/description.h"

namespace belay {

// Descriptors that the program was given, its standard streams among them. In a restored process
// they are those of the process that restores. A later freopen() of one is an ordinary file.
constexpr int kGivenMax = 64;
struct GivenDescriptors {
  int count = 0;
  int fd[kGivenMax] = {};
  uint64_t device[kGivenMax] = {}, inode[kGivenMax] = {};
};
GivenDescriptors given_descriptors();
// The same ones, as they are in this process.
void refresh(GivenDescriptors& given);

// Appends a FileRecord for each open descriptor but `own` ones and files in `own_directory`, and a
// PipeRecord for each pipe to itself. ENOTSUP names the first one that Belay cannot bring back.
Status describe_files(std::span<const int> own, std::string_view own_directory,
                      const GivenDescriptors& given, DescriptionWriter& writer);

// Makes what files open for writing hold durable, so that no file is shorter than the checkpoint
// knows it. While the program runs.
Status sync_files(const Description& description);

// Checks that every file can be opened again, changing nothing.
Status check_files(const Description& description);

// Opens all, at their numbers, positions and lengths. What is open at such a number is closed:
// Belay's own must be above first_free_fd().
// `same_job`: nobody else has written to standard output since (an automatic restart), so that it
// goes back to its length at the checkpoint too, where it is the same regular file.
Status restore_files(const Description& description, bool same_job);

// One more than the highest descriptor in the image.
int first_free_fd(const Description& description);

}  // namespace belay
