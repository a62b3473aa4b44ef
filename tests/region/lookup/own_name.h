// A function of the program that has the name of one of libc's, and does something else.
#pragma once

void index(int value);
int* indexed(void);
