// From METADATA to METADATA through a generation file, and what ends the chain.
#pragma once

#include <functional>
#include <string>

#include "store/generation.h"

namespace belay::cli {

// Calls visit(file, block) for each sound segment. Returns the error that stands where the chain
// ends: ENODATA when that is simply the end. Fails when the file cannot be opened.
Error walk_generation(
    const std::string& path,
    const std::function<void(const GenerationFile&, const format::Metadata&)>& visit);

// Whether a chain that ends like this lost nothing that was ever complete: the program died while
// it wrote there, or an older attempt shines through.
bool is_incomplete(const Error& end);

}  // namespace belay::cli
