// Runs in the guest of vm_test: the smallest program with state, in memory and in a file, that
// waits where a client of the server's waits. Lines come and go over the port.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

int port = -1;

std::string hear() {
  std::string line;
  for (char c; read(port, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

void say(const std::string& text) {
  if (write(port, (text + "\n").c_str(), text.size() + 1) < 0) exit(1);
}

std::string file_contents() {
  FILE* file = fopen("/tmp/state", "r");
  if (file == nullptr) return "none";
  char text[20] = "";
  if (fscanf(file, "%19s", text) != 1) text[0] = 0;
  fclose(file);
  return text;
}

void write_file(int value) {
  FILE* file = fopen("/tmp/state", "w");
  if (file == nullptr) exit(1);
  fprintf(file, "%d", value);
  fclose(file);
}

// The kernel's; does not return.
void panic() {
  int trigger = open("/proc/sysrq-trigger", O_WRONLY);
  if (write(trigger, "c", 1) < 0) exit(1);
}

}  // namespace

int main() {
  const char* server = getenv("BELAY_AU_SERVER");
  if (server == nullptr || strncmp(server, "port:", 5) != 0) return 2;
  port = open(server + 5, O_RDWR);
  // Until somebody is there at the other end, reads find the end of a file.
  while (hear() != "hello") poll(nullptr, 0, 10);
  say("hello");
  for (int value = 0;;) {
    std::string line = hear();
    if (line == "set") {
      value = atoi(hear().c_str());
      write_file(value);
    } else if (line == "quit") {
      return value;
    } else if (line == "panic") {
      panic();
    }
    // The answer to this, and to nothing else, is heard after a snapshot too.
    say("CKP");
    std::string answer = hear();
    say(answer + " " + std::to_string(value) + " " + file_contents());
  }
}
