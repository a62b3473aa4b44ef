// What the driver `process` keeps: named checkpoints of the program's store. Part of
// libbelay_learn.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace belay {

// A variable that is not empty.
const char* environment(const char* variable, const char* otherwise);

// Of the checkpoint that is the snapshot `id`; the program may keep others, by other names.
std::string image_name(std::string_view id);
// The ids of all of them, the oldest first.
Result<std::vector<std::string>> image_ids();

// Lines for the server: what they occupy; and where they are, and the newest of them, so that it
// can tell another store of a program with this name from this one.
std::string disk_figure();
std::string store_figure();

// By running the program anew, which then becomes the image `id` before it has any models: in an
// image of another run, what is in the memory of this one's models would lead nowhere. "": the
// newest checkpoint that there is. Returns only to fail, with this process unharmed.
Status become_image(const std::string& id);
// The user wants the program to go on where it was (BELAY_AU_RESUME), and it has not been tried.
bool wants_to_resume();

}  // namespace belay
