// A transaction of libpmemobj over the pages that a checkpoint would save: each is logged before it
// is written, and all are durable when it commits.
//
// usage: durable_pmem_peer FILE MIB DIRTY_PERCENT COUNT     prints "pmem_ms NUMBER" a transaction
#include <libpmemobj.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <numeric>

namespace {

constexpr size_t kPage = 4096;

double now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) * 1e3 + double(now.tv_nsec) * 1e-6;
}

// Scattered as in durable_crew.cc. Out of the function with the transaction's setjmp.
__attribute__((noinline)) void write_scattered(char* memory, size_t pages, size_t dirty,
                                               size_t* at) {
  auto step = size_t(double(pages) * 0.618);
  while (std::gcd(step, pages) != 1) ++step;
  for (size_t i = 0; i < dirty; ++i) {
    *at = (*at + step) % pages;
    pmemobj_tx_add_range_direct(memory + *at * kPage, kPage);
    memset(memory + *at * kPage, int(*at) | 1, kPage);
  }
}

bool transact(PMEMobjpool* pool, PMEMoid heap, size_t pages, size_t dirty, size_t* at) {
  volatile bool ok = false;
  TX_BEGIN(pool) { write_scattered(static_cast<char*>(pmemobj_direct(heap)), pages, dirty, at); }
  TX_ONCOMMIT { ok = true; }
  TX_END
  return ok;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  size_t bytes = strtoull(argv[2], nullptr, 10) << 20, pages = bytes / kPage;
  auto dirty = size_t(double(pages) * strtod(argv[3], nullptr) / 100);
  PMEMobjpool* pool = pmemobj_create(argv[1], "belay_bench", bytes + bytes / 4 + (64 << 20), 0600);
  PMEMoid heap = OID_NULL;
  if (pool == nullptr || pmemobj_alloc(pool, &heap, bytes, 0, nullptr, nullptr) != 0) {
    fprintf(stderr, "durable_pmem_peer: %s\n", pmemobj_errormsg());
    return 1;
  }
  size_t at = 0;
  for (int i = 0; i < atoi(argv[4]); ++i) {
    double started = now_ms();
    if (!transact(pool, heap, pages, dirty, &at)) return 1;
    printf("pmem_ms %.6f\n", now_ms() - started);
    fflush(stdout);
  }
  pmemobj_close(pool);
  return 0;
}
