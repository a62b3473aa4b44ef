// A transaction of libpmemobj on memory that needs no flush: each word is added before its write.
#include <libpmemobj.h>
#include <unistd.h>

#include "region_worker.h"

namespace {

[[gnu::noinline]] void scatter_added(uint64_t* words, const uint32_t* at, size_t entries) {
  for (size_t i = 0; i < entries; i++) {
    pmemobj_tx_add_range_direct(&words[at[i % kWords]], sizeof(uint64_t));
    words[at[i % kWords]] = i;
  }
}

void once(PMEMobjpool* pool, uint64_t* words, const Measurement& m) {
  TX_BEGIN(pool) {
    scatter_added(words, m.at, m.entries);
    if (m.undo) pmemobj_tx_abort(1);
  }
  TX_END
}

}  // namespace

int main(int argc, char** argv) {
  Measurement m = parse(argc, argv);
  setenv("PMEM_IS_PMEM_FORCE", "1", 1);
  setenv("PMEM_NO_FLUSH", "1", 1);
  if (getenv("BELAY_BENCH_AGAIN") == nullptr) {  // libpmem reads them when it is loaded
    setenv("BELAY_BENCH_AGAIN", "1", 1);
    execv("/proc/self/exe", argv);
  }
  char path[64];
  snprintf(path, sizeof path, "/dev/shm/belay_region_bench.%d", getpid());
  PMEMobjpool* pool = pmemobj_create(path, "belay_bench", 64 << 20, 0600);
  unlink(path);
  PMEMoid state = OID_NULL;
  if (pool == nullptr || pmemobj_zalloc(pool, &state, kWords * sizeof(uint64_t), 0) != 0) {
    fprintf(stderr, "region_worker_pmem: %s\n", pmemobj_errormsg());
    return kExitSkip;
  }
  auto* words = static_cast<uint64_t*>(pmemobj_direct(state));
  sample(m, [&] { once(pool, words, m); });
  pmemobj_close(pool);
}
