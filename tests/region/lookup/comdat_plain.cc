#include "comdat.h"

void (*pointer_from_elsewhere())(int) { return add; }
Base of_elsewhere;
