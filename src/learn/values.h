// Between the program's types and the floats that models compute with.
#pragma once

#include <span>

#include "belay/autonomize.h"

namespace belay {

// 0 for a type that does not exist.
size_t bytes_of(belay_au_type type);

// pre: bytes_of(type) != 0, and `data` has room for as many values.
void to_floats(belay_au_type type, const void* data, std::span<float> values);
// Integers are rounded and cut to the type's range, and everything but 0.5 and less is true.
void from_floats(belay_au_type type, std::span<const float> values, void* data);

}  // namespace belay
