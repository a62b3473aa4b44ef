// One command of `belay ctl`: a line comes, a line goes.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>

#include "server/server_core.h"
#include "server/waiting_list.h"

namespace belay {

// Returns at once. The list is of those whose command, or whose taking of the answer, is awaited.
void serve_command(boost::asio::local::stream_protocol::socket socket, ServerCore& core,
                   std::shared_ptr<WaitingList> waiting);

}  // namespace belay
