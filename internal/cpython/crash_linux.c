// What a crash in C code says before it ends the process: Python's stack.
//
// Go's own handler turns a fault in Go code into a panic, and ends the process for any other, on a
// thread that Go did not make without a word. So ours stands in front of it: a fault in Go code goes
// straight on. Any other fault is first for the library that took the signal over from us, which may live by it, as
// runtimes with traps do; where that does not handle it, Python's stack is printed, and Go's handler called.
// Everything that on_crash calls is async-signal-safe.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "status.h"

static struct crash_signal {
	int number;
	const char *name;
	struct sigaction previous;            // Go's
	_Atomic(struct sigaction *) foreign;  // the handler that took the signal over since; never freed, as a handler may read it
} crash_signals[] = {
	{.number = SIGSEGV, .name = "SIGSEGV"}, {.number = SIGBUS, .name = "SIGBUS"},
	{.number = SIGFPE, .name = "SIGFPE"}, {.number = SIGILL, .name = "SIGILL"},
	{.number = SIGABRT, .name = "SIGABRT"},
};
enum { N_CRASH = sizeof crash_signals / sizeof *crash_signals };

static struct {
	uintptr_t go_text, go_text_end;
	int reports;
	void (*dump_this)(int), (*dump_all)(int); // faulthandler's, see learn
} crash;

// The numbers that the dumpers are registered under; nobody sends them.
enum { DUMP_THIS = 63, DUMP_ALL = 64 };

static struct crash_signal *find(int sig) {
	for (int i = 0; i < N_CRASH; i++)
		if (crash_signals[i].number == sig) return &crash_signals[i];
	return NULL;
}

static uintptr_t program_counter(const void *context) {
#if defined(__x86_64__)
	return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
	return 0;
#endif
}

// A fault of Go's own code, which Go may recover from: raised by the processor, at one of its instructions.
static int is_go_fault(const siginfo_t *info, const void *context) {
	uintptr_t pc = program_counter(context);
	return info->si_code > 0 && pc >= crash.go_text && pc < crash.go_text_end;
}

static void say(const char *text) {
	ssize_t n = write(STDERR_FILENO, text, strlen(text));
	(void)n;
}

// A crash in here ends the process by its signal, as all of them are blocked: there is no loop.
static void report(const struct crash_signal *s, const siginfo_t *info) {
	say("\ngopyrpc: ");
	say(s->name);
	say(info->si_code > 0 ? " in C code" : ", raised or sent");
	if (cpy.PyGILState_GetThisThreadState()) {
		say("; Python on this thread:\n");
		crash.dump_this(DUMP_THIS);
	} else {
		say(", on a thread without Python\n");
	}
	say("\ngopyrpc: Python on all threads:\n");
	crash.dump_all(DUMP_ALL);
	say("\n");
}

// The first thread reports. Others wait for it, as they would end the process in the middle of it,
// but no longer than a second.
static atomic_int reporters;
static atomic_int reported;

static int report_once(const struct crash_signal *s, const siginfo_t *info) {
	if (atomic_fetch_add(&reporters, 1) == 0) {
		report(s, info);
		atomic_store(&reported, 1);
		return 1;
	}
	for (int ms = 0; ms < 1000 && !atomic_load(&reported); ms++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return 0;
}

// The process lives: Go wanted the signal (os/signal.Notify).
static void report_again(void) {
	atomic_store(&reported, 0);
	atomic_store(&reporters, 0);
}

static void forward(const struct sigaction *to, int sig, siginfo_t *info, void *context) {
	if (to->sa_flags & SA_SIGINFO) {
		to->sa_sigaction(sig, info, context);
	} else if (to->sa_handler == SIG_DFL || (to->sa_handler == SIG_IGN && info->si_code > 0)) {
		signal(sig, SIG_DFL);
		raise(sig); // takes effect on return
	} else if (to->sa_handler != SIG_IGN) {
		to->sa_handler(sig);
	}
}

static void on_crash(int sig, siginfo_t *info, void *context);
static int is_ours(const struct sigaction *a) { return (a->sa_flags & SA_SIGINFO) && a->sa_sigaction == on_crash; }

// Whether a foreign handler that has returned left the signal to others: by raising it anew, which
// waits until we return, or by giving the signal away.
static int passed_on(int sig) {
	sigset_t pending;
	struct sigaction now;
	return (!sigpending(&pending) && sigismember(&pending, sig)) || (!sigaction(sig, NULL, &now) && !is_ours(&now));
}

// A handler that returns has dealt with the fault. If it has not, the same comes again at once, and again.
enum { MAX_REPEATS = 10000 };

static int comes_again(uintptr_t pc, uintptr_t address) {
	static atomic_uintptr_t last_pc, last_address;
	static atomic_int repeats;
	int same = atomic_exchange(&last_pc, pc) == pc;
	same &= atomic_exchange(&last_address, address) == address;
	if (!same) atomic_store(&repeats, 0);
	return same && atomic_fetch_add(&repeats, 1) >= MAX_REPEATS;
}

// The call of a foreign handler that this thread is in. One that never returned (siglongjmp) has left
// it behind: only a call from deeper on the stack about the same signal is the foreign handler's own,
// which takes us for the handler to go on with.
static __thread struct {
	const void *context, *frame;
} in_foreign __attribute__((tls_model("initial-exec")));

static int called_by_foreign(const void *context, const void *frame) {
	return in_foreign.context == context && (uintptr_t)frame < (uintptr_t)in_foreign.frame;
}

static int foreign_handles(struct crash_signal *s, int sig, siginfo_t *info, void *context) {
	const struct sigaction *foreign = atomic_load(&s->foreign);
	const void *frame = __builtin_frame_address(0);
	if (!foreign || called_by_foreign(context, frame)) return 0;
	uintptr_t pc = program_counter(context), address = (uintptr_t)info->si_addr;
	in_foreign.context = context;
	in_foreign.frame = frame;
	forward(foreign, sig, info, context);
	in_foreign.context = NULL;
	if (info->si_code <= 0 || passed_on(sig)) return 0;
	return program_counter(context) != pc || !comes_again(pc, address);
}

static void on_crash(int sig, siginfo_t *info, void *context) {
	int saved = errno, did_report = 0;
	struct crash_signal *s = find(sig);
	if (!is_go_fault(info, context)) {
		if (foreign_handles(s, sig, info, context)) {
			errno = saved;
			return;
		}
		if (crash.reports) did_report = report_once(s, info);
	}
	errno = saved;
	forward(&s->previous, sig, info, context);
	if (did_report) report_again();
}

static void take(struct crash_signal *s) {
	struct sigaction ours = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
	sigfillset(&ours.sa_mask);
	sigaction(s->number, &ours, NULL);
}

static void keep_foreign(struct crash_signal *s, const struct sigaction *now) {
	struct sigaction *copy = malloc(sizeof *copy);
	if (!copy) return;
	*copy = *now;
	atomic_store(&s->foreign, copy);
}

static void mend(struct crash_signal *s) {
	struct sigaction now;
	if (sigaction(s->number, NULL, &now) || is_ours(&now)) return;
	if (now.sa_handler == s->previous.sa_handler) {
		if (crash.reports) take(s);
		return;
	}
	if (now.sa_handler == SIG_IGN) return; // os/signal.Ignore
	if (now.sa_handler != SIG_DFL) keep_foreign(s, &now);
	take(s);
}

static atomic_int mending; // whether there is a previous to forward to

void cpy_crash_mend(void) {
	if (!atomic_load(&mending)) return;
	for (int i = 0; i < N_CRASH; i++) mend(&crash_signals[i]);
}

void cpy_crash_open(uintptr_t go_text, uintptr_t go_text_end) {
	crash.go_text = go_text;
	crash.go_text_end = go_text_end;
	for (int i = 0; i < N_CRASH; i++) sigaction(crash_signals[i].number, NULL, &crash_signals[i].previous);
	atomic_store(&mending, 1);
}

void cpy_crash_close(void) {
	atomic_store(&mending, 0);
	for (int i = 0; i < N_CRASH; i++) {
		struct sigaction now;
		if (!sigaction(crash_signals[i].number, NULL, &now) && now.sa_handler != SIG_IGN)
			sigaction(crash_signals[i].number, &crash_signals[i].previous, NULL);
	}
}

uintptr_t cpy_crash_foreign(int sig) {
	struct crash_signal *s = find(sig);
	const struct sigaction *foreign = s ? atomic_load(&s->foreign) : NULL;
	return foreign ? (uintptr_t)foreign->sa_handler : 0;
}

// learn makes faulthandler register a handler, which does no more than print stacks to standard error,
// and gives the handler; the signal and the thread's signal stack are put back as they were. CPython
// exports the functions that it is made of in 3.11 and 3.12 only. faulthandler installs its signal stack
// the first time that it is asked for a handler: here, and so never over Go's on another thread.
static cpy_ref learn(PyObject *registrar, PyObject *args, int sig, void (**dumper)(int)) {
	struct sigaction before, during;
	stack_t stack;
	sigaction(sig, NULL, &before);
	sigaltstack(NULL, &stack);
	cpy_ref done = give_ref(cpy.PyObject_Call(registrar, args, NULL));
	if (done.status == CPY_OK) {
		sigaction(sig, &before, &during);
		sigaltstack(&stack, NULL);
		*dumper = during.sa_handler;
	}
	return done;
}

static PyObject *register_args(int sig, int all_threads) {
	PyObject *args = cpy.PyTuple_New(3);
	if (!args) return NULL;
	if (cpy.PyTuple_SetItem(args, 0, cpy.PyLong_FromLongLong(sig))
		|| cpy.PyTuple_SetItem(args, 1, cpy.PyLong_FromLongLong(STDERR_FILENO))
		|| cpy.PyTuple_SetItem(args, 2, cpy.PyBool_FromLong(all_threads))) {
		cpy.Py_DecRef(args);
		return NULL;
	}
	return args;
}

static cpy_ref learn_dumper(PyObject *registrar, int sig, int all_threads, void (**dumper)(int)) {
	PyObject *args = register_args(sig, all_threads);
	if (!args) return give_ref(NULL);
	cpy_ref done = learn(registrar, args, sig, dumper);
	cpy.Py_DecRef(args);
	return done;
}

cpy_ref cpy_crash_learn(PyObject *registrar, int reports) {
	NEED_GIL(NOT_HELD_REF);
	cpy_ref done = learn_dumper(registrar, DUMP_THIS, 0, &crash.dump_this);
	if (done.status != CPY_OK) return done;
	cpy.Py_DecRef(done.ref);
	done = learn_dumper(registrar, DUMP_ALL, 1, &crash.dump_all);
	if (done.status != CPY_OK) return done;
	crash.reports = reports;
	cpy_crash_mend();
	return done;
}
