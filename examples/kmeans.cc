// K-means over Fashion-MNIST, or over synthetic points of any number, checkpointed by the library.
#include "kmeans_core.h"
#include "team.h"

int main(int argc, char** argv) {
  KMeansOptions options(argc, argv, "K-means that survives kill -9");
  if (crinit(nullptr) != 0 || restore() < 0) die(crerror());

  Team team(options.threads);
  KMeans kmeans(options, [](size_t bytes) -> void* { return crarray<char>(bytes); });
  team.run([&](int t) { kmeans.run(t, [&] { team.wait(); }); });
  kmeans.result().print();
}
