//go:build !linux

#include "bridge.h"

// Other systems' C libraries cannot be told how much freed memory to keep.
void cpy_keep_freed(int bytes) { (void)bytes; }

void cpy_trim_memory(void) {}
