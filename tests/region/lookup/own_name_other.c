#include "own_name.h"

static int sum;
int* indexed(void) { return &sum; }
void index(int value) { sum += value; }
