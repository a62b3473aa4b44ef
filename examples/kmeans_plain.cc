// The same K-means as a plain pthread program, which knows nothing of checkpoints. It survives
// kill -9 under `belay run`.
#include <pthread.h>

#include <cstring>
#include <vector>

#include "kmeans_core.h"

namespace {

struct Worker {
  KMeans* kmeans;
  pthread_barrier_t* barrier;
  int number;
  pthread_t thread;
};

void* work(void* argument) {
  auto* worker = static_cast<Worker*>(argument);
  worker->kmeans->run(worker->number, [&] { pthread_barrier_wait(worker->barrier); });
  return nullptr;
}

void* allocate(size_t bytes) {
  void* block = std::calloc(1, bytes);
  if (!block) die("out of memory");
  return block;
}

}  // namespace

int main(int argc, char** argv) {
  KMeansOptions options(argc, argv, "K-means with plain threads");
  KMeans kmeans(options, allocate);
  pthread_barrier_t barrier;
  pthread_barrier_init(&barrier, nullptr, unsigned(options.threads));
  std::vector<Worker> workers(size_t(options.threads));
  for (int i = 0; i < options.threads; i++) {
    workers[i] = {&kmeans, &barrier, i, {}};
    if (int error = pthread_create(&workers[i].thread, nullptr, work, &workers[i])) {
      die(std::string("pthread_create: ") + std::strerror(error));
    }
  }
  for (Worker& worker : workers) pthread_join(worker.thread, nullptr);
  pthread_barrier_destroy(&barrier);
  kmeans.result().print();
}
