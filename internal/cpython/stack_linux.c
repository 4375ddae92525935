// How much stack threads have. CPython's recursion limit is made for 8 MiB, a few kilobytes for a level;
// what user code sets it to has to fit, too.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "status.h"

enum { wanted = 16 << 20, used_before = 256 << 10 };

static size_t first; // what the process's first thread has below the frame of prepare

// gettid() is in glibc from 2.30 on only.
int cpy_on_first_thread(void) { return getpid() == (pid_t)syscall(SYS_gettid); }

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

static int is_mapped(const void *page, size_t size) {
	unsigned char resident;
	return !mincore((void *)page, size, &resident) || errno != ENOMEM;
}

// The kernel grows a stack where it reads for a system call, as it does where a program reads. But where there
// is nothing to read the system call fails, and no signal is sent. access takes a path; whatever is there will do.
static int is_readable(const char *at) { return !access(at, F_OK) || errno != EFAULT; }

// How much of the first thread's stack there is below here, at most limit, after it was grown. Nothing is
// touched that may not be there: emulators and sandboxes give a stack that does not grow, whatever limit they
// report, and a mapping below it may be in the way.
static size_t grown(const char *here, size_t limit) {
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	here -= (uintptr_t)here % page;
	const char *lowest = here - limit + limit % page;
	// What was not mapped and is readable now has become part of the stack: nothing else grows.
	if (!is_mapped(lowest, page) && is_readable(lowest)) return (size_t)(here - lowest);
	size_t room = 0;
	while (room + page <= limit && is_readable(here - room - page)) room += page;
	return room;
}

// What the stack holds above here counts for the limit, and that may be megabytes of arguments. The kernel
// puts the program's name at the very end.
static size_t used_above(const char *here, size_t limit) {
	const char *name = (const char *)getauxval(AT_EXECFN);
	if (name < here || (size_t)(name - here) >= limit) return used_before;
	return (size_t)(name - here) + strlen(name) + 2 * (size_t)sysconf(_SC_PAGESIZE);
}

// The first thread's stack grows when it is used, up to the limit, and does not shrink again. So the limit
// is as it was afterwards, for programs that this one runs.
static void grow_first(const char *here) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_STACK, &limit)) return;
	struct rlimit raised = {limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
	int is_raised = limit.rlim_cur < raised.rlim_cur && !setrlimit(RLIMIT_STACK, &raised);
	size_t most = is_raised ? raised.rlim_cur : limit.rlim_cur < wanted ? limit.rlim_cur : wanted;
	size_t used = used_above(here, most);
	first = used < most ? grown(here, most - used) : 0;
	if (is_raised) setrlimit(RLIMIT_STACK, &limit);
}

// Of a library that was loaded on another thread: the first one's stack grows when it is used.
static void guess_first(void) {
	struct rlimit limit;
	first = wanted - used_before;
	if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur >= wanted) return;
	first = limit.rlim_cur > used_before ? limit.rlim_cur - used_before : 0;
}

// Before the Go runtime makes threads. In a process that is Python's stacks are Python's.
__attribute__((constructor)) static void prepare(void) {
	char here = 0;
	if (cpy_process_has_python() == 2) return;
	raise_default();
	if (cpy_on_first_thread())
		grow_first(&here);
	else
		guess_first();
}

// CPython 3.14 has no other bound than a thread's stack, whose size it asks for when the thread's state
// is made. For the first thread the C library answers with the limit. That is all memory where there is none, more
// than there is where the stack does not grow, and less where it was grown beyond; so the limit is what there is, meanwhile.
void cpy_with_bound_stack(void (*f)(void)) {
	struct rlimit limit;
	if (!cpy_on_first_thread() || !first || getrlimit(RLIMIT_STACK, &limit)) {
		f();
		return;
	}
	struct rlimit bounded = {first < limit.rlim_max ? first : limit.rlim_max, limit.rlim_max};
	setrlimit(RLIMIT_STACK, &bounded);
	f();
	setrlimit(RLIMIT_STACK, &limit);
}

size_t cpy_stack_of_first(void) { return first; }

size_t cpy_stack_of_others(void) {
	size_t size = default_size();
	return size > used_before ? size - used_before : 0;
}
