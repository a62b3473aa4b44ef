// Goal: blocks of a region are released when it is undone, freed ones come back, both also in
// nested regions.
#include <belay/region.h>
#include <string.h>

#include "check.h"

struct Node {
  struct Node* next;
  int value;
};
struct Node* head;

static void push(int value) {
  struct Node* node = malloc(sizeof *node);
  node->next = head;
  node->value = value;
  head = node;
}
static void pop(void) {
  struct Node* node = head;
  head = node->next;
  memset(node, 0xee, sizeof *node);
  free(node);
}
static int sum(void) {
  int all = 0;
  for (struct Node* node = head; node; node = node->next) all = all * 10 + node->value;
  return all;
}

int main(void) {
  push(1), push(2), push(3);
  CHECK(sum() == 321);
  start_ckpt();
  pop(), pop();
  push(7), push(8), pop();
  CHECK(sum() == 71);
  start_ckpt();
  pop(), pop(), push(9);
  CHECK(sum() == 9);
  stop_ckpt(1);
  CHECK(sum() == 71);
  stop_ckpt(1);
  CHECK(sum() == 321);
  char* text = calloc(1, 8);
  strcpy(text, "abc");
  start_ckpt();
  text = realloc(text, 1 << 20);
  CHECK(strcmp(text, "abc") == 0);
  text[0] = 'X';
  stop_ckpt(1);
  CHECK(strcmp(text, "abc") == 0);
  for (int round = 0; round < 1000; round++) {
    start_ckpt();
    for (int i = 0; i < 100; i++) push(i);
    for (int i = 0; i < 100; i++) pop();
    stop_ckpt(round & 1);
  }
  CHECK(sum() == 321);
  start_ckpt();
  while (head) pop();
  free(text);
  stop_ckpt(0);
  return 0;
}
