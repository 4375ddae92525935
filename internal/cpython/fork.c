// A process that Python code forked has a copy of this one's memory and a single thread. Python can live
// with that, Go cannot: its collector, timers and scheduler wait for threads that are not there, and what
// code of ours still runs answers the parent's peers on the parent's connections. So the child may do in
// Python what it likes (multiprocessing ends it there), and is ended when it comes back into Go.
#include <pthread.h>
#include <unistd.h>

#include "status.h"

static int forked;

static void in_child(void) { forked = 1; }

// Programs that are started without a copy of the memory (vfork, posix_spawn, Go's own) do not call this.
__attribute__((constructor)) static void watch_forks(void) { pthread_atfork(NULL, NULL, in_child); }

int cpy_forked(void) { return forked; }

void cpy_end_forked(void) {
	static const char text[] = "pyrpc: a process that Python code forked came back into Go, which does not survive "
		"that: it ends here, with status 70. Use subprocess, or multiprocessing with \"spawn\".\n";
	if (!forked) return;
	if (write(STDERR_FILENO, text, sizeof text - 1) < 0) {
	}
	_exit(70);
}
