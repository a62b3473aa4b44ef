#pragma once

void (*program_log(void))(const char*);
int* lines(void);
