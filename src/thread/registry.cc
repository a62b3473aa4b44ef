#include "thread/registry.h"

#include <cerrno>
#include <new>

#include "base/check.h"

namespace belay {

ThreadRecord* ThreadRegistry::create(size_t stack_bytes) {
  if (stack_bytes > SIZE_MAX / 2) return nullptr;
  Stack stack = stacks_.acquire(stack_bytes + sizeof(ThreadRecord));
  if (!stack) return nullptr;
  auto* record = new (stack.base() + stack_bytes) ThreadRecord;
  record->stack = stack;
  return record;
}

void ThreadRegistry::add(ThreadRecord* record) {
  ThreadRecord*& head = buckets_[bucket(record->id)];
  record->next = head;
  head = record;
}

ThreadRecord* ThreadRegistry::find(pthread_t id) const {
  ThreadRecord* record = buckets_[bucket(id)];
  while (record && !pthread_equal(record->id, id)) record = record->next;
  return record;
}

int ThreadRegistry::start_join(ThreadRecord* record, pthread_t joiner) {
  if (record->detached) return EINVAL;
  if (pthread_equal(record->id, joiner)) return EDEADLK;
  const ThreadRecord* self = find(joiner);
  if (self && self->joining && pthread_equal(self->joiner, record->id)) return EDEADLK;
  if (record->joining) return EINVAL;
  record->joining = true;
  record->joiner = joiner;
  return 0;
}

void ThreadRegistry::detach(ThreadRecord* record) {
  record->detached = true;
  if (!record->ending) return;
  record->next_ending = ending_;
  ending_ = record;
}

void ThreadRegistry::end(ThreadRecord* record) {
  record->ending = true;
  if (!record->detached) return;
  record->next_ending = ending_;
  ending_ = record;
}

void ThreadRegistry::remove(ThreadRecord* record) {
  ThreadRecord** link = &buckets_[bucket(record->id)];
  while (*link && *link != record) link = &(*link)->next;
  BELAY_CHECK(*link == record);
  *link = record->next;
  discard(record);
}

void ThreadRegistry::reap() {
  ThreadRecord** link = &ending_;
  while (ThreadRecord* record = *link) {
    if (pthread_tryjoin_np(record->id, nullptr) == 0) {
      *link = record->next_ending;
      remove(record);
    } else {
      link = &record->next_ending;  // its destructors still run, or it is still in the kernel
    }
  }
}

}  // namespace belay
