// What effects.def says of a name holds of the library's function, not of one of the program's own.
#pragma once

namespace belay::region {

// Whether `function` is defined by libc, libm, the compiler's libraries, Belay's, a library that
// LD_PRELOAD names, or a sanitizer that stands in front of them. In a static program: by what is
// linked after libbelay_region.
bool is_library_function(const void* function);

}  // namespace belay::region
