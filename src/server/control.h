// What `belay ctl` and the web page may ask of the server: one JSON object asks, one answers.
#pragma once

#include <functional>
#include <string>

#include "server/server_core.h"

namespace belay {

// {"do": "state" | "checkpoint" | "pin" | "unpin" | "delete" | "select" | "stop",
//  "client": NAME, "snapshot": ID}. Calls `answer` once, with {"ok": true, ...} or
// {"ok": false, "error": SENTENCE}.
void control(ServerCore& core, const std::string& request,
             const std::function<void(std::string)>& answer);

// The same for a command that is known already, with the rest of the object.
void control_as(ServerCore& core, std::string_view what, const std::string& request,
                const std::function<void(std::string)>& answer);

// All that there is to see, as docs/server_http.md has it.
std::string state_json(ServerCore& core);

}  // namespace belay
