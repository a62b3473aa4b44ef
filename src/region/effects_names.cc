// netdb.h, sys/socket.h, pwd.h, grp.h: what is received, and what libc allocates or keeps of hosts,
// services, users and groups.
#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "region/actions.h"
#include "region/effect.h"
#include "region/external.h"
#include "region/written.h"

using namespace belay::region;

EFFECT(int, accept4, (int at, sockaddr* sender, socklen_t* size, int flags)) {
  log_spans(address(sender, size), object(size));
  return opened(accept4(at, sender, size, flags));
}
EFFECT(int, accept, (int at, sockaddr* sender, socklen_t* size)) {
  return fx_accept4(at, sender, size, 0);
}
EFFECT(ssize_t, recvmsg, (int from, msghdr* to, int flags)) {
  log_spans(object(to), bytes(to->msg_name, to->msg_namelen),
            bytes(to->msg_control, to->msg_controllen));
  for (size_t i = 0; i < to->msg_iovlen; i++)
    log_bytes(to->msg_iov[i].iov_base, to->msg_iov[i].iov_len);
  return recvmsg(from, to, flags);
}

namespace {

void free_addresses(void* list) { freeaddrinfo(static_cast<addrinfo*>(list)); }

}  // namespace

EFFECT(int, getaddrinfo,
       (const char* host, const char* service, const addrinfo* hints, addrinfo** to)) {
  log_spans(object(to));
  const int code = getaddrinfo(host, service, hints, to);
  if (code == 0) on_rollback(free_addresses, *to);
  return code;
}
EFFECT(void, freeaddrinfo, (addrinfo * list)) { on_commit(free_addresses, list); }

// ---- libc's buffers may be in use outside, so regions have some of their own. ----

EFFECT(char*, inet_ntoa, (in_addr of)) {
  static thread_local BELAY_TLS char text[INET_ADDRSTRLEN];
  log_bytes(text, sizeof text);
  return const_cast<char*>(inet_ntop(AF_INET, &of, text, sizeof text));
}

namespace {

template <class Record>
struct Found {
  Record record;
  char text[16 << 10];
};
Found<passwd> user;
Found<group> user_group;
Found<hostent> host;
Found<servent> service;
Found<protoent> protocol;

// `find` is a function of libc's that ends in _r, and its arguments but for the last.
template <class Record, class Find, class... Key>
Record* find_record(Found<Record>& to, Find find, Key... key) {
  log_spans(object(&to));
  Record* found = nullptr;
  if (int error = find(key..., &to.record, to.text, sizeof to.text, &found)) errno = error;
  return found;
}
template <class Find, class... Key>
hostent* find_host(Find find, Key... key) {
  log_spans(object(&host), object(&h_errno));
  hostent* found = nullptr;
  if (int error = find(key..., &host.record, host.text, sizeof host.text, &found, &h_errno))
    errno = error;
  return found;
}

}  // namespace

EFFECT(passwd*, getpwnam, (const char* name)) { return find_record(user, getpwnam_r, name); }
EFFECT(passwd*, getpwuid, (uid_t id)) { return find_record(user, getpwuid_r, id); }
EFFECT(group*, getgrnam, (const char* name)) { return find_record(user_group, getgrnam_r, name); }
EFFECT(group*, getgrgid, (gid_t id)) { return find_record(user_group, getgrgid_r, id); }
EFFECT(hostent*, gethostbyname, (const char* name)) { return find_host(gethostbyname_r, name); }
EFFECT(hostent*, gethostbyaddr, (const void* of, socklen_t size, int family)) {
  return find_host(gethostbyaddr_r, of, size, family);
}
EFFECT(servent*, getservbyname, (const char* name, const char* by)) {
  return find_record(service, getservbyname_r, name, by);
}
EFFECT(servent*, getservbyport, (int port, const char* by)) {
  return find_record(service, getservbyport_r, port, by);
}
EFFECT(protoent*, getprotobyname, (const char* name)) {
  return find_record(protocol, getprotobyname_r, name);
}
EFFECT(protoent*, getprotobynumber, (int number)) {
  return find_record(protocol, getprotobynumber_r, number);
}
