/* checkpoint_restore.h — a program that falls back to its last checkpoint instead of to the ground.
 *
 * A checkpoint is the whole process on disk: every thread, main included, every writable mapping,
 * C library state, files, signal handlers. After a crash, `kill -9` or power loss the same program,
 * run again, becomes the checkpointed process and goes on in every thread where it was.
 *
 *     #include <belay/checkpoint_restore.h>
 *
 *     int main(void) {
 *         if (crinit(NULL) != 0 || restore() < 0) {   // restore() does not return when it restores
 *             fprintf(stderr, "%s\n", crerror());
 *             return 1;
 *         }
 *         for (long i = 0; i < 1000000000; i++) work(i);   // checkpointed every 30 s
 *     }
 *
 * Link with -lbelay (`pkg-config --libs belay`, CMake `Belay::belay`). C11 and C++.
 *
 * Conventions. Functions that can fail return -1, set errno, and leave a sentence for crerror().
 * Everything is thread-safe; nothing is async-signal-safe except crcheckpoint_request().
 * Every attribute has an environment variable, which wins over what the program passes.
 * Exported symbols are belay_*; define BELAY_NO_SHORT_NAMES to keep the short names to yourself.
 */
#ifndef BELAY_CHECKPOINT_RESTORE_H
#define BELAY_CHECKPOINT_RESTORE_H

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Starting, saving, coming back ---------------------------------------------------------- */

/* How the blocks of a checkpoint are verified when it is restored. They always are. */
enum cr_verify {
  CR_VERIFY_DEFAULT = 0, /* CR_VERIFY_AHEAD */
  CR_VERIFY_AHEAD = 1,   /* everything before the first instruction, on all cores */
  CR_VERIFY_TOUCH = 2,   /* large mappings when first touched, the rest before: starts at once;
                            needs the right to handle page faults of the kernel (root, or
                            vm.unprivileged_userfaultfd=1), falls back to AHEAD without it */
};

#define CR_INTERVAL_MANUAL UINT32_MAX /* no periodic checkpoints */

/* What crinit() may be told. A zero field takes its default. */
struct crattr {
  /* Directory of all checkpoints. Default $XDG_STATE_HOME/belay or ~/.local/state/belay, so that
     a job finds it again from any working directory. BELAY_STORE. */
  const char* store;
  /* Name of this program's instance in the store; two instances at once need two names.
     Default: the file name of the executable. BELAY_NAME. */
  const char* name;
  /* Bytes of address space reserved for crmalloc; memory is used only when touched.
     Default 64 GiB, more than most machines have. BELAY_HEAP_MAX. */
  size_t heap_bytes_max;
  /* Milliseconds from one periodic checkpoint to the next, or CR_INTERVAL_MANUAL.
     Default 30,000: a crash costs half a minute, the checkpoints under 1 %. BELAY_INTERVAL_MS. */
  uint32_t interval_ms;
  /* When blocks are verified at a restore. Default CR_VERIFY_AHEAD. BELAY_VERIFY=ahead|touch. */
  enum cr_verify verify;
  /* Incremental checkpoints appended to a generation before the next one is full and goes to the
     other generation. Default 64: a restore reads at most 65 segments. BELAY_RETENTION. */
  uint32_t retention;
};

/* Initialises Belay in this process and starts its helper thread. `attr` may be NULL. Call once,
   early; a second call changes nothing and returns 0. Fails with EBUSY when the store of this name
   is in use by a living process, EINVAL for a bad attribute, EACCES, ENOSPC, … as the store does.
 */
int belay_crinit(const struct crattr* attr);

/* Takes a checkpoint. Returns 0 when it is durable, 1 when the process has just come back from it,
   -1 on error (the program goes on; the last good checkpoint is untouched). */
int belay_checkpoint(void);

/* Asks for a checkpoint and returns at once. Async-signal-safe. */
int belay_crcheckpoint_request(void);

/* Becomes the process of the newest valid checkpoint of this name. Does not return then: every
   thread goes on where it was, and checkpoint() returns 1 there. Returns 0 when there is none,
   -1 on error (EINVAL: a checkpoint of another build; EBADMSG: nothing in the store is valid). */
int belay_restore(void);

/* ---- Checkpoints that stay ------------------------------------------------------------------ */

/* As checkpoint(), and this one stays under a name (1 to 63 letters, digits, '-', '_' and '.', the
   first not a '.'), whatever is taken later. It shares the disk with those taken before and after.
   EEXIST: the name is in use. -1 with a durable checkpoint, which has no name: ENOSPC, EPERM (a
   file system without hard links). */
int belay_checkpoint_named(const char* name);
/* As restore(), from the one of this name; checkpoint_named() returns 1 there. ENOENT: none. */
int belay_restore_named(const char* name);
/* Whether restore_named() could: reads and verifies all of it. 0, or -1 as restore_named() says. */
int belay_crverify(const char* name);
/* It is gone, and what no other checkpoint needs of its disk space is free. */
int belay_crdrop(const char* name);
/* Calls fn with each name, the oldest first; returns how many there are. */
int belay_crnamed(void (*fn)(const char* name, void* arg), void* arg);
/* What all checkpoints of this program occupy on disk; -1 on error. */
int64_t belay_crdisk_bytes(void);
/* Where they are: DIRECTORY of the store and NAME. NULL before crinit(). */
const char* belay_crdirectory(void);

/* The last error of this thread, as a sentence. Never NULL. Valid until the next error. */
const char* belay_crerror(void);

/* When to call `fn`: before memory is captured; after it in the program that runs on; after it in
   a program that has come back (reconnect, reopen devices, reseed random generators: a restored
   nonce is a repeated nonce). */
enum cr_event { CR_PREPARE = 0, CR_RESUME = 1, CR_RESTART = 2 };

/* Registers fn(arg) for `event`. As with pthread_atfork: prepare functions run last registered
   first, the others first registered first. They run on a thread of Belay's, while the program's
   threads run; up to 64 per event. */
int belay_cr_on(enum cr_event event, void (*fn)(void*), void* arg);

/* Figures about checkpoints of this process, zeroed at start and kept across a restore. */
struct crstats {
  uint64_t checkpoints;   /* durable ones */
  uint64_t refused;       /* that could not be taken */
  uint64_t restores;      /* how often this process has come back */
  uint64_t sequence;      /* of the last durable checkpoint */
  uint64_t pause_ns;      /* of the last: longest time a thread stood still */
  uint64_t durable_ns;    /* of the last: from start to durable */
  uint64_t written_bytes; /* of the last: to the store */
  uint64_t residue_pages; /* of the last: copied while threads stood still (4 KiB each) */
  uint64_t held_ns;       /* of pause_ns: until all were let go; then each waits for a core */
};
int belay_crstats(struct crstats* out);

/* ---- Memory ------------------------------------------------------------------------------- */

/* malloc and its family, from an arena at a fixed address on huge pages, which is fastest to scan.
   Blocks are 16-byte aligned. ENOMEM at the heap limit. Usable before crinit(). */
void* belay_crmalloc(size_t bytes);
void* belay_crcalloc(size_t count, size_t bytes);
void* belay_crrealloc(void* block, size_t bytes);
void belay_crfree(void* block);
void* belay_crmemalign(size_t alignment, size_t bytes); /* alignment: a power of two */
size_t belay_crmalloc_usable_size(const void* block);   /* 0 for NULL */

struct crheap_stats {
  size_t reserved_bytes;  /* address space */
  size_t committed_bytes; /* ever touched and not given back */
  size_t allocated_bytes; /* in live blocks, with rounding */
  uint64_t allocations;   /* live blocks */
};
int belay_crheap_stats(struct crheap_stats* out);

/* Memory that does not go back: a restore() in a living process keeps its present contents. In a
   new process it comes back as it was at the checkpoint, since nothing newer is left. */
void* belay_exempt_malloc(size_t bytes);
void belay_exempt_free(void* block);

/* Named roots: where a program finds its data after restore(). Names of up to 63 bytes, up to 256.
   crroot_get returns NULL for an unknown name; setting NULL removes the name. */
int belay_crroot_set(const char* name, void* ptr);
void* belay_crroot_get(const char* name);

/* ---- Threads and synchronisation ------------------------------------------------------------ */

/* These do what the pthread functions of the same name do, with the same return values; stacks
   come from the arena. Plain pthreads, std::thread and OpenMP are checkpointed just as well. */
typedef pthread_t crthread_t;
typedef struct crthread_attr {
  size_t stack_bytes; /* default 256 KiB: a thousand threads stay small; at least 16 KiB */
  int detached;       /* default 0 */
} crthread_attr_t;
int belay_crthread_create(crthread_t* thread, const crthread_attr_t* attr, void* (*fn)(void*),
                          void* arg);
int belay_crthread_join(crthread_t thread, void** result);
int belay_crthread_detach(crthread_t thread);
void belay_crthread_exit(void* result) __attribute__((noreturn));
crthread_t belay_crthread_self(void);
int belay_crthread_equal(crthread_t a, crthread_t b);
int belay_crthread_yield(void);
int belay_crthread_kill(crthread_t thread, int signal);
int belay_crthread_cancel(crthread_t thread);
int belay_crthread_once(pthread_once_t* once, void (*fn)(void));
int belay_crthread_setname(crthread_t thread, const char* name);

typedef sem_t crsem_t;
int belay_crsem_init(crsem_t* sem, int pshared, unsigned value); /* pshared: 0, else ENOSYS */
int belay_crsem_wait(crsem_t* sem);
int belay_crsem_trywait(crsem_t* sem);
int belay_crsem_timedwait(crsem_t* sem, const struct timespec* deadline);
int belay_crsem_post(crsem_t* sem);
int belay_crsem_getvalue(crsem_t* sem, int* value);
int belay_crsem_destroy(crsem_t* sem);

typedef pthread_mutex_t crmutex_t;
#define CRMUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
int belay_crmutex_init(crmutex_t* mutex, const pthread_mutexattr_t* attr);
int belay_crmutex_lock(crmutex_t* mutex);
int belay_crmutex_trylock(crmutex_t* mutex);
int belay_crmutex_timedlock(crmutex_t* mutex, const struct timespec* deadline);
int belay_crmutex_unlock(crmutex_t* mutex);
int belay_crmutex_destroy(crmutex_t* mutex);

typedef pthread_cond_t crcond_t;
#define CRCOND_INITIALIZER PTHREAD_COND_INITIALIZER
int belay_crcond_init(crcond_t* cond, const pthread_condattr_t* attr);
int belay_crcond_wait(crcond_t* cond, crmutex_t* mutex);
int belay_crcond_timedwait(crcond_t* cond, crmutex_t* mutex, const struct timespec* deadline);
int belay_crcond_signal(crcond_t* cond);
int belay_crcond_broadcast(crcond_t* cond);
int belay_crcond_destroy(crcond_t* cond);

/* Barriers and read-write locks, as in <pthread.h>, ask for POSIX 2001: not with plain -std=c11. */
#ifdef PTHREAD_BARRIER_SERIAL_THREAD
typedef pthread_barrier_t crbarrier_t;
#define CRBARRIER_SERIAL_THREAD PTHREAD_BARRIER_SERIAL_THREAD
int belay_crbarrier_init(crbarrier_t* barrier, const pthread_barrierattr_t* attr, unsigned count);
int belay_crbarrier_wait(crbarrier_t* barrier);
int belay_crbarrier_destroy(crbarrier_t* barrier);
#endif

#ifdef PTHREAD_RWLOCK_INITIALIZER
typedef pthread_rwlock_t crrwlock_t;
#define CRRWLOCK_INITIALIZER PTHREAD_RWLOCK_INITIALIZER
int belay_crrwlock_init(crrwlock_t* lock, const pthread_rwlockattr_t* attr);
int belay_crrwlock_rdlock(crrwlock_t* lock);
int belay_crrwlock_tryrdlock(crrwlock_t* lock);
int belay_crrwlock_timedrdlock(crrwlock_t* lock, const struct timespec* deadline);
int belay_crrwlock_wrlock(crrwlock_t* lock);
int belay_crrwlock_trywrlock(crrwlock_t* lock);
int belay_crrwlock_timedwrlock(crrwlock_t* lock, const struct timespec* deadline);
int belay_crrwlock_unlock(crrwlock_t* lock);
int belay_crrwlock_destroy(crrwlock_t* lock);
#endif

#ifdef __cplusplus
}
#endif

#ifndef BELAY_NO_SHORT_NAMES
#include <belay/short_names.h>
#endif

#endif
