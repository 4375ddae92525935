// How much freed memory the C library keeps, of which CPython's large objects are made.
#include <malloc.h>

#include "bridge.h"

void cpy_keep_freed(int bytes) {
#if defined(__GLIBC__)
	enum { largest = 32 << 20 }; // M_MMAP_THRESHOLD that is taken
	mallopt(M_MMAP_THRESHOLD, bytes < largest ? bytes : largest);
	mallopt(M_TRIM_THRESHOLD, bytes);
#else
	(void)bytes;
#endif
}
