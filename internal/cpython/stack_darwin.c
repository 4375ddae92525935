// How much stack threads have on macOS, where Go gives its threads as much as the first one has: 8 MiB, unless the limit
// says less. It cannot be raised for threads that others make.
#include <pthread.h>

#include "status.h"

enum { used_before = 256 << 10 };

static size_t first;

int cpy_on_first_thread(void) { return pthread_main_np(); }

__attribute__((constructor)) static void prepare(void) {
	size_t size = pthread_get_stacksize_np(pthread_self());
	first = size > used_before ? size - used_before : 0;
}

// CPython asks for a thread's stack itself, and what it hears is what there is.
void cpy_with_bound_stack(void (*f)(void)) { f(); }

size_t cpy_stack_of_first(void) { return first; }
size_t cpy_stack_of_others(void) { return first; }
