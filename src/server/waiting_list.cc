#include "server/waiting_list.h"

#include <utility>

namespace belay {

WaitingList::Ticket WaitingList::begin(Close close) {
  if (waiting_.size() >= most_) close_first();
  waiting_[++last_] = {std::move(close)};
  return last_;
}

void WaitingList::tick(uint64_t now_ms) {
  for (auto& [ticket, waiting] : waiting_)
    if (waiting.since_ms == 0) waiting.since_ms = now_ms;
  while (!waiting_.empty() && now_ms > waiting_.begin()->second.since_ms + limit_ms_) close_first();
}

void WaitingList::close_first() {
  Close close = std::move(waiting_.begin()->second.close);
  waiting_.erase(waiting_.begin());
  close();
}

}  // namespace belay
