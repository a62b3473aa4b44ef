#include "checkpoint/crash_point.h"

#include <signal.h>

#include <cstring>

#include "base/syscall.h"

namespace belay {
namespace {
char g_phase[16];
int g_left;
}  // namespace

void set_crash_point(const char* text) {
  g_phase[0] = '\0';
  if (text == nullptr) return;
  const char* colon = strchrnul(text, ':');
  size_t bytes = size_t(colon - text);
  if (bytes >= sizeof g_phase) return;
  memcpy(g_phase, text, bytes);
  g_phase[bytes] = '\0';
  g_left = 0;
  for (const char* c = *colon == ':' ? colon + 1 : colon; *c >= '0' && *c <= '9'; c++)
    g_left = g_left * 10 + (*c - '0');
}

void crash_point(const char* phase) {
  if (g_phase[0] == '\0' || strcmp(g_phase, phase) != 0 || --g_left > 0) return;
  sys::call(SYS_kill, sys::getpid(), SIGKILL);
}

}  // namespace belay
