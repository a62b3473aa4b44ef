// Stores that no program had to be checkpointed for.
#pragma once

#include <cstdint>
#include <string>

namespace belay {

// What the samples say the program was.
constexpr const char* kSampleProgram = "/usr/bin/printf";
constexpr const char* kSampleArgument = "sample";

// Writes a full checkpoint and increments on it into store/name: `count` in all, the newest last.
// The full one is of `pages` pages, each increment of one.
void write_sample_store(const std::string& store, const std::string& name, unsigned count,
                        unsigned pages = 16);

// Writes a further one into the other generation.
void write_full_checkpoint(const std::string& store, const std::string& name);

// Turns one bit of the byte at this offset.
void flip_bit(const std::string& file, uint64_t offset);

}  // namespace belay
