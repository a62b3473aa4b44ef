// A program that knows nothing of Belay: allocates in every way there is, from threads too, and
// prints where its memory was. What malloc_test runs under libbelay_malloc.so.
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

struct alignas(256) Wide {
  char bytes[256];
};

// Runs after the heap's own end of the thread, or before: both orders are to work.
void free_late(void* block) { free(block); }

void work(int id) {
  static thread_local std::string note;  // freed by a thread_local destructor
  note.assign(1'000, static_cast<char>('a' + id % 26));
  pthread_key_t key;
  if (pthread_key_create(&key, free_late) == 0) pthread_setspecific(key, malloc(100));
  std::map<int, std::string> map;
  for (int i = 0; i < 2'000; ++i) map[i % 300] = std::string(size_t(i % 700), 'x');
  auto wide = std::make_unique<Wide>();
  if (reinterpret_cast<size_t>(wide.get()) % alignof(Wide) != 0) abort();
}

}  // namespace

int main() {
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) threads.emplace_back(work, t);
  for (std::thread& thread : threads) thread.join();
  void* aligned = nullptr;
  if (posix_memalign(&aligned, 24, 1) == 0 || posix_memalign(&aligned, 4096, 100) != 0) return 1;
  free(aligned);
  free(valloc(10));
  free(reallocarray(nullptr, 10, 10));
  char* text = nullptr;
  if (asprintf(&text, "%d", 42) != 2 || malloc_usable_size(text) < 3) return 2;
  printf("%p\n", static_cast<void*>(text));
  free(text);
  return 0;
}
