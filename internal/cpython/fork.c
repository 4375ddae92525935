// A child of fork has one thread, and a Go runtime that waits for the others for ever. os.fork is
// refused (pybridge/python/forks.py); this is for forks that are allowed, and for those of native code.
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "status.h"

volatile int cpy_forked;
static atomic_int is_free;

void cpy_free_children(void) { atomic_store(&is_free, 1); }

static void in_child(void) {
	cpy_forked = 1;
	if (atomic_load(&is_free)) cpy_signals_leave();
}

// Not called for vfork, nor for clone, by which Go starts programs: their children have the parent's memory.
__attribute__((constructor)) static void watch(void) { pthread_atfork(NULL, NULL, in_child); }

void cpy_end_child(void) {
	static const char text[] = "gopyrpc: a child of fork ended as it was about to return to Go, which does not run in it: "
		"it can run a program (exec) or leave (os._exit)\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
	(void)n;
	_exit(70); // EX_SOFTWARE
}
