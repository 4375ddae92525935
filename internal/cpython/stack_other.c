// How much stack threads have, where it is not Linux's: macOS. Go gives its threads the size of the first one there.
#ifdef __APPLE__
#include <pthread.h>

#include "status.h"

enum { used_before = 256 << 10 };

static size_t first;

__attribute__((constructor)) static void prepare(void) {
	size_t size = pthread_get_stacksize_np(pthread_self());
	first = size > used_before ? size - used_before : 0;
}

void cpy_with_bound_stack(void (*f)(void)) { f(); } // macOS's limit is finite

size_t cpy_stack_of_first(void) { return first; }
size_t cpy_stack_of_others(void) { return first; }
#endif
