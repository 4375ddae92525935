// Which handler has which signal, and what Python code may not take from Go.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#include "status.h"

static struct sigaction as_found[CPY_SIGNALS];

void cpy_signals_save(void) {
	for (int sig = 1; sig < CPY_SIGNALS; sig++)
		if (sigaction(sig, NULL, &as_found[sig])) as_found[sig].sa_handler = SIG_DFL;
}

void cpy_signals_read(cpy_disposition *all) {
	for (int sig = 1; sig < CPY_SIGNALS; sig++) {
		struct sigaction now = {.sa_handler = SIG_DFL};
		sigaction(sig, NULL, &now); // glibc keeps some for itself
		all[sig] = (cpy_disposition){(uintptr_t)now.sa_handler, now.sa_flags & (SA_ONSTACK | SA_RESTART | SA_SIGINFO)};
	}
}

// handler: the one to be replaced, unless a later handler has been installed since.
void cpy_signal_restore(int sig, uintptr_t handler) {
	struct sigaction now;
	if (!sigaction(sig, NULL, &now) && (uintptr_t)now.sa_handler == handler) sigaction(sig, &as_found[sig], NULL);
}

void cpy_signal_on_stack(int sig, uintptr_t handler) {
	struct sigaction now;
	if (sigaction(sig, NULL, &now) || (uintptr_t)now.sa_handler != handler) return;
	now.sa_flags |= SA_ONSTACK;
	sigaction(sig, &now, NULL);
}

// In a child of fork Go's handlers would wait for threads that are not there.
void cpy_signals_leave(void) {
	cpy_crash_close();
	for (int sig = 1; sig < CPY_SIGNALS; sig++) {
		struct sigaction now;
		if (sigaction(sig, NULL, &now) || now.sa_handler != as_found[SIGURG].sa_handler) continue; // which has Go's
		now = (struct sigaction){.sa_handler = SIG_DFL};
		sigaction(sig, &now, NULL);
	}
	cpy_handle_failed_writes();
}

void cpy_symbol(uintptr_t address, const char **file, const char **name) {
	Dl_info info = {0};
	if (!dladdr((void *)address, &info)) return;
	*file = info.dli_fname;
	*name = info.dli_sname;
}

// A thread that blocks these loses Go's recovery, pre-emption or profiling for the goroutines that run there next.
static void unblock(void) {
	static const int needed[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGURG, SIGPROF};
	sigset_t set;
	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof needed / sizeof *needed; i++) sigaddset(&set, needed[i]);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static PyObject *then_mend(PyObject *original, PyObject *args, PyObject *kwargs) {
	PyObject *result = cpy.PyObject_Call(original, args, kwargs);
	cpy_crash_mend();
	return result;
}

static PyObject *then_unblock(PyObject *original, PyObject *args, PyObject *kwargs) {
	PyObject *result = cpy.PyObject_Call(original, args, kwargs);
	unblock();
	return result;
}

#define ENTRY(f) (PyCFunction)(void (*)(void))f
static PyMethodDef wrappers[] = {
	[CPY_THEN_MEND] = {"enable", ENTRY(then_mend), METH_VARARGS | METH_KEYWORDS,
		"faulthandler.enable; crashes reach its handler by way of gopyrpc's."},
	[CPY_THEN_UNBLOCK] = {"pthread_sigmask", ENTRY(then_unblock), METH_VARARGS | METH_KEYWORDS,
		"signal.pthread_sigmask; faults, SIGABRT, SIGURG and SIGPROF stay unblocked."},
};

cpy_ref cpy_wrap(PyObject *original, int wrapper) {
	NEED_GIL(NOT_HELD_REF);
	return give_ref(cpy.PyCFunction_NewEx(&wrappers[wrapper], original, NULL));
}
