// Which thread may touch Python: one warm PyThreadState per OS thread, kept in thread-local storage.
//
// CPython 3.11 and later map and unmap a stack chunk for every thread state, which costs more than a
// small call; and PyGILState_Release drops threading.local data with it. So the first attach of an OS
// thread makes its state, later ones restore it, and it goes when the thread does.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "status.h"

struct cpy_thread {
	PyThreadState *ts; // the warm state, or the interrupted one during a callback
	int depth;         // > 0: this thread holds the GIL through us
	int foreign;       // Python made this thread: its state is used through PyGILState, never kept
	int main;          // the interpreter's own state: only Py_FinalizeEx may end it
	int permit;        // what the present nesting was entered with
	int drains;        // the holder of the GIL here drops what is queued before giving the GIL up
	uintptr_t id;      // 0 until asked for; an address would come again with a later thread
	int suspended;     // nestings that let go of the GIL and will take it back
	int dying;         // thread-local destructors are running: Go must not be entered any more
	PyGILState_STATE gilstate;
};

static __thread struct cpy_thread self;
static pthread_key_t exit_key;
static atomic_int is_open;
static atomic_long states;

static void retire(void) {
	struct cpy_thread *t = &self;
	if (!t->ts || t->main || !atomic_load(&is_open)) return;
	if (t->depth == 0) cpy.PyEval_RestoreThread(t->ts);
	cpy.PyThreadState_Clear(t->ts);
	cpy.PyThreadState_DeleteCurrent(); // releases the GIL too
	t->ts = NULL;
	t->depth = t->drains = 0;
	atomic_fetch_sub(&states, 1);
}

// Permits of threads that ended while they held the GIL, until somebody asks.
static struct {
	pthread_mutex_t mu;
	int *ids; // guarded by mu
	size_t n, cap;
} orphans = {.mu = PTHREAD_MUTEX_INITIALIZER};

static void add_orphan(int permit) {
	pthread_mutex_lock(&orphans.mu);
	if (orphans.n == orphans.cap) {
		size_t cap = orphans.cap ? 2 * orphans.cap : 16;
		int *ids = realloc(orphans.ids, cap * sizeof *ids);
		if (ids) {
			orphans.ids = ids;
			orphans.cap = cap;
		}
	}
	if (orphans.n < orphans.cap) orphans.ids[orphans.n++] = permit;
	pthread_mutex_unlock(&orphans.mu);
}

int cpy_orphan(void) {
	pthread_mutex_lock(&orphans.mu);
	int permit = orphans.n ? orphans.ids[--orphans.n] : 0;
	pthread_mutex_unlock(&orphans.mu);
	return permit;
}

static void on_thread_exit(void *unused) {
	(void)unused;
	int permit = self.depth > 0 ? self.permit : 0;
	self.dying = 1;
	retire();
	if (permit) add_orphan(permit);
}

// The key is made before Python makes its own: glibc runs destructors in order of creation, and
// PyThreadState_Clear needs Python's key still set.
__attribute__((constructor)) static void make_key(void) { pthread_key_create(&exit_key, on_thread_exit); }

void cpy_open(void) { atomic_store(&is_open, 1); }
void cpy_close(void) { atomic_store(&is_open, 0); }
long cpy_thread_states(void) { return atomic_load(&states); }
uintptr_t cpy_thread_id(void) {
	static atomic_uintptr_t last;
	if (!self.id) self.id = atomic_fetch_add(&last, 1) + 1;
	return self.id;
}
int cpy_self_held(void) { return self.depth > 0; }
int cpy_suspended(void) { return self.suspended > 0; }
int cpy_held(void) { return cpy_self_held(); }

void cpy_keep_main(void) {
	self.main = 1;
	self.ts = cpy.PyThreadState_Get();
	self.depth = 1;
}

// Not PyGILState_Check: it is always true in a process that has had a subinterpreter.
int cpy_host_holds(void) {
	PyThreadState *(*current)(void) = cpy.PyThreadState_GetUnchecked ? cpy.PyThreadState_GetUnchecked : cpy._PyThreadState_UncheckedGet;
	PyThreadState *own = cpy.PyGILState_GetThisThreadState();
	return own && current && current() == own;
}

cpy_ref cpy_begin_failed(void) {
	if (!cpy.PyGILState_GetThisThreadState() || !cpy.PyErr_Occurred()) return (cpy_ref){NULL, CPY_OK};
	self.depth = 1;
	return (cpy_ref){cpy_take_exception(), CPY_OK};
}

void cpy_end_failed(void) { self.depth = 0; }

// After finalising: other goroutines come to this thread, and must not take themselves for holders.
void cpy_forget_main(void) {
	self.ts = NULL;
	self.depth = self.permit = self.drains = 0;
}

static void ensure(void) { cpy.PyGILState_Ensure(); }

// PyGILState_Ensure, not PyThreadState_New: extension code that calls PyGILState must find this state.
static void attach_first(void) {
	if (cpy.PyGILState_GetThisThreadState()) {
		self.foreign = 1;
		self.gilstate = cpy.PyGILState_Ensure();
		return;
	}
	cpy_with_bound_stack(ensure);
	self.ts = cpy.PyThreadState_Get();
	pthread_setspecific(exit_key, &self);
	atomic_fetch_add(&states, 1);
}

int cpy_permit(void) { return self.permit; }

int cpy_attach(int permit) {
	if (self.depth > 0) {
		self.depth++;
		return CPY_OK;
	}
	if (!atomic_load_explicit(&is_open, memory_order_acquire)) return CPY_CLOSED;
	if (self.ts)
		cpy.PyEval_RestoreThread(self.ts);
	else
		attach_first();
	self.depth = 1;
	self.permit = permit;
	return CPY_OK;
}

int cpy_enter(int permit) {
	int outermost = self.depth == 0, status = cpy_attach(permit);
	if (outermost && status == CPY_OK) self.drains = 1;
	return status;
}

int cpy_drains(void) { return self.depth > 0 && self.drains; }

int cpy_set_drains(int drains) {
	int former = self.drains;
	self.drains = drains;
	return former;
}

// An exception that C-API calls of others left pending would fail the next call on this thread.
static int drop_pending_exception(void) {
	if (!cpy.PyErr_Occurred()) return CPY_OK;
	cpy.Py_DecRef(cpy_take_exception());
	return CPY_PENDING;
}

int cpy_between(void) {
	if (cpy_forked) cpy_end_child();
	return drop_pending_exception();
}

int cpy_detach(void) {
	if (self.depth == 0) return CPY_NOT_HELD;
	if (cpy_forked) cpy_end_child();
	if (--self.depth > 0) return CPY_OK;
	int status = drop_pending_exception();
	self.permit = self.drains = 0;
	if (self.foreign) {
		self.foreign = 0;
		cpy.PyGILState_Release(self.gilstate);
	} else {
		cpy.PyEval_SaveThread();
	}
	return status;
}

int cpy_suspend(cpy_nesting *saved) {
	if (self.depth == 0) return CPY_NOT_HELD;
	*saved = (cpy_nesting){self.depth, self.foreign, self.permit, self.drains};
	self.depth = self.foreign = self.permit = self.drains = 0;
	self.suspended++;
	self.ts = cpy.PyEval_SaveThread(); // kept for a foreign thread too: nested attaches restore it
	return CPY_OK;
}

void cpy_resume(cpy_nesting saved) {
	cpy.PyEval_RestoreThread(self.ts);
	self.suspended--;
	self.depth = saved.depth;
	self.foreign = saved.foreign;
	self.permit = saved.permit;
	self.drains = saved.drains;
	if (self.foreign) self.ts = NULL;
}

int cpy_thread_retire(void) {
	if (self.depth > 0) return CPY_RAISED;
	retire();
	return CPY_OK;
}

int64_t cpy_now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// A thread that Python made holds the GIL without our knowledge when it calls into Go.
int cpy_callback_enter(void) {
	if (self.dying || cpy_forked) return -1;
	if (self.depth > 0) return 0;
	self.depth = 1;
	self.foreign = 1; // its state is Python's: never keep it
	return 1;
}

void cpy_callback_leave(int entered) {
	if (entered != 1) return;
	self.depth = 0;
	self.foreign = 0;
}

cpy_int cpy_check_signals(void) {
	NEED_GIL(NOT_HELD_INT);
	return give_int(cpy.PyErr_CheckSignals());
}
