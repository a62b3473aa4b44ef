#include "region/actions.h"

#include <cstdlib>

namespace belay::region {

void on_rollback(void (*run)(void*), void* argument) {
  if (in_region()) this_thread.actions.push({run, argument, Action::kRollback});
}

void before_rollback(void (*run)(void*), void* argument) {
  if (in_region()) this_thread.actions.push({run, argument, Action::kBeforeMemory});
}

void on_commit(void (*run)(void*), void* argument) {
  if (!in_region()) return run(argument);
  this_thread.actions.push({run, argument, Action::kCommit});
}

void on_rollback_only(void (*run)(void*), void* note) {
  on_commit(free, note);
  on_rollback(run, note);
}

bool cancel_action(void (*run)(void*), const void* argument) {
  if (!in_region()) return false;
  auto& actions = this_thread.actions;
  for (size_t i = actions.size(); i > this_thread.regions.back().actions; i--) {
    Action& each = actions[i - 1];
    if (each.run != run || each.argument != argument) continue;
    each.run = [](void*) {};
    return true;
  }
  return false;
}

void prepare_rollback(const Region& region) {
  auto& actions = this_thread.actions;
  for (size_t i = actions.size(); i > region.actions; i--)
    if (const Action each = actions[i - 1]; each.when == Action::kBeforeMemory)
      each.run(each.argument);
}

void undo_actions(const Region& region) {
  auto& actions = this_thread.actions;
  while (actions.size() > region.actions) {
    const Action last = actions.back();
    actions.truncate(actions.size() - 1);
    if (last.when == Action::kRollback) last.run(last.argument);
  }
}

void commit_actions() {
  auto& actions = this_thread.actions;
  for (size_t i = 0; i < actions.size(); i++)
    if (const Action each = actions[i]; each.when == Action::kCommit) each.run(each.argument);
  actions.truncate(0);
}

}  // namespace belay::region

BELAY_EXPORT void belay_on_rollback(void (*run)(void*), void* argument) noexcept {
  belay::region::on_rollback(run, argument);
}
BELAY_EXPORT void belay_on_commit(void (*run)(void*), void* argument) noexcept {
  belay::region::on_commit(run, argument);
}
