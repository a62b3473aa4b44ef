// Goal: a program that is to end at the first race does, and where logging is inline the message
// has the functions that begin the regions.
// Build: -pthread -rdynamic
// Environment: BELAY_CKPT_RACES=refuse
// Error: regions of two threads write the same memory
// Error: begins in\nbelay:     write_tried
// Error: begins in\nbelay:     second
#include "races.c"
