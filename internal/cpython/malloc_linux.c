// How much freed memory the C library keeps, of which CPython's large objects are made.
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"

// Each arena of glibc's, of which there are up to eight for every processor, keeps what was freed in it for
// the threads that it was given to, and none but the first can be given back at its end. Python's threads allocate
// one at a time, as they hold the GIL, so one arena serves them as well. A thread has its arena from its first
// allocation on: this comes before the Go runtime makes any. In a process that is Python's memory is Python's.
__attribute__((constructor)) static void prepare(void) {
#if defined(__GLIBC__)
	const char *arenas = getenv("MALLOC_ARENA_MAX"), *tunables = getenv("GLIBC_TUNABLES");
	int chosen = (arenas && *arenas) || (tunables && strstr(tunables, "glibc.malloc.arena_max"));
	if (!chosen && cpy_process_has_python() != 2) mallopt(M_ARENA_MAX, 1);
#endif
}

void cpy_keep_freed(int bytes) {
#if defined(__GLIBC__)
	enum { largest = 32 << 20 }; // M_MMAP_THRESHOLD that is taken
	mallopt(M_MMAP_THRESHOLD, bytes < largest ? bytes : largest);
	mallopt(M_TRIM_THRESHOLD, bytes);
#else
	(void)bytes;
#endif
}

void cpy_trim_memory(void) {
#if defined(__GLIBC__)
	malloc_trim(0);
#endif
}
