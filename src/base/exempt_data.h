// Static data of Belay's own that a rollback leaves alone, since it describes the kernel's state or
// memory that doesn't go back either: `BELAY_EXEMPT_DATA constinit Tree* g_tree = nullptr;`
#pragma once

#define BELAY_EXEMPT_DATA [[gnu::section("belay_own_data")]]
