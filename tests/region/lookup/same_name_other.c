#include "same_name.h"

static int count;
int* lines(void) { return &count; }
#pragma clang diagnostic ignored "-Wincompatible-library-redeclaration"
void log(const char* line) { count += line != 0; }
void (*program_log(void))(const char*) { return log; }
