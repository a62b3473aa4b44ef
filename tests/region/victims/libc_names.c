// Goal: hosts, services and users that a region looks up, what it receives, the folders it walks
// through, the children it replaces and the values of a thread's keys are as before after a
// rollback, and as the program made them after a commit.
// Build: -D_GNU_SOURCE -w
// Output: child: one two
#include <arpa/inet.h>
#include <belay/region.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

static struct {
  struct addrinfo* found;
  struct hostent* host;
  struct passwd user;
  struct passwd* user_found;
  char text[1024], received[16], name[NI_MAXHOST];
  struct sockaddr_storage sender;
  socklen_t sender_size;
  struct termios line;
  struct in_addr address;
  struct iovec pieces[1];
  struct msghdr message;
  int walked;
} to, before;
static int ends[2];
static pthread_key_t key;
static int error, descriptors;

static int count_entry(const char* path, const struct stat* about, int type, struct FTW* where) {
  (void)path, (void)about, (void)type, (void)where;
  to.walked++;
  return to.walked == 3;
}

// Through pipes, whose output does not wait.
static void run_children(void) {
  char read_back[32] = "";
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0);
  if (vfork() == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    execl("/bin/echo", "echo", "one", "two", NULL);
    _exit(1);
  }
  int status = -1;
  CHECK(wait(&status) > 0 && status == 0);
  CHECK(read(pipe_ends[0], read_back, sizeof read_back - 1) == 8);
  close(pipe_ends[0]), close(pipe_ends[1]);
  if (fork() == 0) execle("/bin/sh", "sh", "-c", "exit $WORD", NULL, (char*[]){"WORD=3", NULL});
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 3);
  if (fork() == 0) execlp("sh", "sh", "-c", "exit 4", NULL);
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 4);
  printf("child: %s", read_back);
}

// What a rollback needs of a folder is one descriptor, and of files that it removes none.
static void make_files(void) {
  int held = 0;
  for (int i = 0; i < 20; i++) {
    char name[] = "/tmp/belay_victim_XXXXXX";
    const int file = mkstemp(name);
    CHECK(file >= 0 && write(file, "text", 4) == 4 && close(file) == 0 && unlink(name) == 0);
    CHECK(chdir("/") == 0);
  }
  for (int i = 0; i < 1024; i++) held += fcntl(i, F_GETFD) >= 0;
  CHECK(held <= descriptors + 1);
}

static void receive(void) {
  CHECK(send(ends[0], "datagram", 8, 0) == 8 && send(ends[0], "message", 7, 0) == 7);
  to.sender_size = sizeof to.sender;
  CHECK(recvfrom(ends[1], to.received, 8, 0, (struct sockaddr*)&to.sender, &to.sender_size) == 8);
  to.pieces[0] = (struct iovec){to.received + 8, 8};
  to.message = (struct msghdr){.msg_iov = to.pieces, .msg_iovlen = 1};
  CHECK(recvmsg(ends[1], &to.message, 0) == 7 && memcmp(to.received + 8, "message", 7) == 0);
}

static void work(void) {
  const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
  error = getaddrinfo("127.0.0.1", "80", &hints, &to.found);
  CHECK(error == 0 && to.found != NULL);
  CHECK(getnameinfo(to.found->ai_addr, to.found->ai_addrlen, to.name, sizeof to.name, NULL, 0,
                    NI_NUMERICHOST) == 0 &&
        strcmp(to.name, "127.0.0.1") == 0);
  struct addrinfo* other;
  CHECK(getaddrinfo("127.0.0.1", "81", &hints, &other) == 0);
  freeaddrinfo(other);
  to.host = gethostbyname("127.0.0.1");
  CHECK(to.host != NULL && to.host->h_length == 4);
  CHECK(inet_aton("10.1.2.3", &to.address) && strcmp(inet_ntoa(to.address), "10.1.2.3") == 0);
  getservbyname("no such service", "tcp"), getprotobynumber(6);
  CHECK(getpwuid_r(0, &to.user, to.text, sizeof to.text, &to.user_found) == 0);
  cfmakeraw(&to.line), cfsetospeed(&to.line, B9600);
  receive();
  CHECK(nftw("/etc", count_entry, 4, FTW_PHYS | FTW_CHDIR) == 1);
  CHECK(pthread_setspecific(key, &to) == 0 && pthread_getspecific(key) == &to);
  run_children();
  make_files();
}

// The start of what libc knows of the thread: keys' values, but nothing that the kernel writes.
static const char* descriptor(void) { return (const char*)pthread_self(); }
enum { DESCRIPTOR_BYTES = 0x400 };

int main(void) {
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  CHECK(pthread_key_create(&key, NULL) == 0);
  for (int i = 0; i < 1024; i++) descriptors += fcntl(i, F_GETFD) >= 0;
  memset(&to, 0x5a, sizeof to);
  to.walked = 0;
  before = to;
  start_ckpt();
  stop_ckpt(0);
  char of_thread[DESCRIPTOR_BYTES];
  memcpy(of_thread, descriptor(), sizeof of_thread);

  start_ckpt();
  work();
  fflush(stdout);
  stop_ckpt(1);
  CHECK(memcmp(&to, &before, sizeof to) == 0);
  CHECK(pthread_getspecific(key) == NULL);
  CHECK(memcmp(of_thread, descriptor(), sizeof of_thread) == 0);

  start_ckpt();
  work();
  stop_ckpt(0);
  CHECK(to.walked == 3 && to.found->ai_addrlen == sizeof(struct sockaddr_in));
  CHECK(pthread_getspecific(key) == &to);
  freeaddrinfo(to.found);
  return 0;
}
