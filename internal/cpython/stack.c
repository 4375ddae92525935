// How much stack threads have. CPython's recursion limit is made for 8 MiB, a few kilobytes for a level;
// what user code sets it to has to fit, too.
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include "status.h"

enum { wanted = 16 << 20, used_before = 256 << 10 };

static size_t first; // of the process's first thread

static size_t default_size(void) {
	pthread_attr_t attr;
	size_t size = 0;
	if (pthread_getattr_default_np(&attr)) return 0;
	pthread_attr_getstacksize(&attr, &size);
	pthread_attr_destroy(&attr);
	return size;
}

// Threads that Go makes, which Python runs on, have else as much as ulimit -s says at the start, and
// 2 MiB where there is no limit. It is address space, and becomes memory where it is used.
static void raise_default(void) {
	pthread_attr_t attr;
	if (default_size() >= wanted || pthread_getattr_default_np(&attr)) return;
	pthread_attr_setstacksize(&attr, wanted);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

// The stack pointer moves first: kernels took what is far below it for no stack.
static void __attribute__((noinline)) touch(size_t below) {
	volatile char *room = alloca(below);
	room[0] = 0;
}

// The first thread's stack grows when it is used, up to the limit, and does not shrink again. So the limit
// is as it was afterwards, for programs that this one runs.
static void grow_first(void) {
	struct rlimit limit;
	if (getpid() != gettid() || getrlimit(RLIMIT_STACK, &limit)) return;
	first = limit.rlim_cur;
	if (first >= wanted) return;
	struct rlimit raised = {limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
	if (raised.rlim_cur <= first || setrlimit(RLIMIT_STACK, &raised)) return;
	touch(raised.rlim_cur - used_before);
	first = raised.rlim_cur;
	setrlimit(RLIMIT_STACK, &limit);
}

// Before the Go runtime makes threads. In a process that is Python's stacks are Python's.
__attribute__((constructor)) static void prepare(void) {
	if (cpy_process_has_python() == 2) return;
	raise_default();
	grow_first();
}

// CPython 3.14 has no other bound than a thread's stack, whose size it asks for when the thread's state
// is made. That of the first thread is the limit, and where there is none, all memory.
void cpy_with_bound_stack(void (*f)(void)) {
	struct rlimit limit, bounded;
	if (getpid() != gettid() || getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur != RLIM_INFINITY) {
		f();
		return;
	}
	bounded = limit;
	bounded.rlim_cur = wanted;
	setrlimit(RLIMIT_STACK, &bounded);
	f();
	setrlimit(RLIMIT_STACK, &limit);
}

size_t cpy_stack_size(void) {
	size_t others = default_size();
	return (first < others ? first : others) - used_before;
}
