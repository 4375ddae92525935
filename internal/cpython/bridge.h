// What Go calls. Every function here moves bytes or references and decides nothing.
//
// Status convention: CPY_OK, or CPY_RAISED with an owned reference to the exception instance (the
// error indicator is always cleared), or CPY_NOT_HELD when the calling thread does not hold the GIL
// through cpy_attach: a misuse that is reported, never undefined behaviour.
#ifndef GOPYRPC_CPYTHON_BRIDGE_H
#define GOPYRPC_CPYTHON_BRIDGE_H

#include "api.h"

enum { CPY_OK = 0, CPY_RAISED = 1, CPY_NOT_HELD = 2, CPY_CLOSED = 3, CPY_HELD = 4, CPY_PENDING = 5, CPY_INTERRUPTED = 6 };

// A reference or a number, with its status. On CPY_RAISED, ref is the exception, owned.
typedef struct { PyObject *ref; int status; } cpy_ref;
typedef struct { PyObject *ref; int64_t n; int status; } cpy_int;
typedef struct { PyObject *ref; double re, im; int status; } cpy_num;
// Bytes inside owner, valid while owner (an owned reference) lives. On CPY_RAISED owner is the exception.
typedef struct { PyObject *owner; char *data; Py_ssize_t len; int status; } cpy_span;

// load.c
char *cpy_load(const char *path); // NULL, or a malloc'ed text naming what is missing
const char *cpy_version(void); // from cpy_load on
int cpy_process_has_python(void); // 0 no, 1 libpython is linked or loaded, 2 and initialised
const char *cpy_library_path(void);

// init.c
typedef struct {
	int minor;
	const char *program_name, *home;
	int argc;
	char **argv;
	int allocator; // of PyMemAllocatorName; 0 leaves it to CPython
} cpy_init_args;
char *cpy_init(const cpy_init_args *args); // NULL, or a malloc'ed text; on success this thread is detached
int cpy_finalize(void);

// fork.c
void cpy_free_children(void); // from Go's signal handlers, when they are made

// stack_linux.c, stack_darwin.c: bytes; 0 where there is hardly any
size_t cpy_stack_of_first(void);  // the process's first thread
int cpy_on_first_thread(void);
size_t cpy_stack_of_others(void); // every thread made later, but for those that somebody else chose a size for

// malloc_linux.c, malloc_other.c
void cpy_keep_freed(int bytes);
void cpy_trim_memory(void);

// thread.c
// What is put aside while a thread lets go of the GIL in the middle of its nesting.
typedef struct { int depth, foreign, permit, drains; } cpy_nesting;
int cpy_attach(int permit); // permit: a number to find again by cpy_permit; 0 keeps the present one
int cpy_permit(void);
int cpy_detach(void);
int cpy_enter(int permit); // cpy_attach for a caller that drops the queued references before the detach
int cpy_drains(void);      // does such a caller hold the GIL here?
int cpy_held(void);
cpy_int cpy_check_signals(void); // on Python's main thread; runs handlers
uintptr_t cpy_thread_id(void); // never the same for two threads, not even one after the other
int cpy_orphan(void); // the permit of a thread that ended while it held the GIL, each once; 0 for none
int cpy_suspend(cpy_nesting *saved);
void cpy_resume(cpy_nesting saved);
int cpy_suspended(void); // is this thread in the middle of a nesting that let go of the GIL?
int cpy_thread_retire(void); // drop the warm state of this thread; it must not hold the GIL
long cpy_thread_states(void);
void cpy_open(void);
void cpy_close(void);
void cpy_keep_main(void); // the state of this thread is the interpreter's own, never retired
int cpy_host_holds(void); // has this thread the GIL, by whatever means? Only while Python runs
void cpy_forget_main(void); // it is finalised
// After a failed start this thread has a state, and the GIL: the exception that is left there, if any.
cpy_ref cpy_begin_failed(void);
void cpy_end_failed(void);

// interrupt.c
// A call, or a nesting, that can be told to stop. Go's memory; the GIL guards all but stop.
typedef struct {
	unsigned long ident; // Python's name of the thread that is inside; 0 while none is
	uintptr_t state;     // that thread's; a number, or Go would look for pointers in all that is around it
	uintptr_t mark;      // owned: a list whose first item the end replaces by None, and whose second is true once the
	                     // exception was raised; 0 before the call was to be interrupted
	int permit;          // that the thread came in with
	int woken;           // was what it waits for in Go ended?
	int stop;            // atomic: the caller does not want the call any more
} cpy_target;
int cpy_target_begin(cpy_target *t); // CPY_INTERRUPTED when it is to stop before it began
int cpy_target_end(cpy_target *t);   // was it interrupted: did the exception come, or was it woken?
void cpy_target_wake(cpy_target *t);
void cpy_target_stop(cpy_target *t);
unsigned long cpy_target_ident(cpy_target *t);
int cpy_target_permit(cpy_target *t); // 0 when nobody is inside, or has none
cpy_ref cpy_target_mark(cpy_target *t, PyObject *fresh); // its mark, fresh where it had none; NULL, and no error, when nobody is inside
int cpy_target_trace(cpy_target *t, PyObject *look); // up to 3.11: look(frame, what, arg) is called by what its thread executes
unsigned long cpy_thread_ident(void);

// call.c: addresses are numbers where Go's checks of pointers in structs would cost time
typedef struct {
	uintptr_t fn, extra; // borrowed; extra may be 0
	int as_view;         // pass data in place instead of a copy
	int permit;
} cpy_call_args;
typedef struct {
	uintptr_t obj;  // owned: the exception (CPY_RAISED), or a result that did not fit dst or is no bytes
	uintptr_t data; // into obj, or into dst when obj is 0; 0 when the result is no bytes
	Py_ssize_t len;
	int status;
	int payload_held; // some Python object can still reach data: it must stay alive
	int interrupted; // by the exception, or in Go
	int timed; // one call in CPY_TIMED is, as reading the clock costs a hundredth of a small call
	int64_t wait_ns, hold_ns, after_ns; // for the GIL, of it, and from the batch's begin to its own
} cpy_call_result;
enum { CPY_TIMED = 8 };
enum { CPY_SMALL = 2048 }; // results up to this size come back in the same crossing; larger ones take a second one for the copy
void cpy_call_bytes(const cpy_call_args *a, const unsigned char *data, Py_ssize_t len, unsigned char *dst,
	Py_ssize_t cap, cpy_call_result *out, cpy_target *target); // target: NULL for a call that nobody interrupts
typedef struct {
	cpy_call_args args;     // but for the permit, which all have in common
	uintptr_t target;       // 0 for none
	Py_ssize_t offset, len; // of its payload
	cpy_call_result out;
} cpy_batch_call;
// Makes the calls in their order. Call i is made if claims[i] can be changed from 0 to 1; current is i then.
int cpy_call_batch(int permit, cpy_batch_call *calls, uint32_t n, uint32_t *claims, int32_t *current,
	const unsigned char *data, unsigned char *dst, Py_ssize_t cap);

// object.c
PyObject *cpy_none(void);
PyObject *cpy_true(void);
PyObject *cpy_false(void);
cpy_int cpy_kind(PyObject *o);
cpy_ref cpy_incref(PyObject *o);
int cpy_decref(PyObject **refs, Py_ssize_t n);
cpy_ref cpy_import(const char *name, Py_ssize_t len);
cpy_ref cpy_type(PyObject *o);
cpy_ref cpy_getattr(PyObject *o, const char *name, Py_ssize_t len);
cpy_int cpy_setattr(PyObject *o, const char *name, Py_ssize_t len, PyObject *v);
cpy_ref cpy_call(PyObject *fn, PyObject *args, PyObject *kwargs);
cpy_ref cpy_repr(PyObject *o);
cpy_ref cpy_str(PyObject *o);
cpy_int cpy_is_true(PyObject *o);
cpy_int cpy_is_instance(PyObject *o, PyObject *cls);
cpy_int cpy_free_traceback(PyObject *failure, PyObject *exc);
cpy_int cpy_callable(PyObject *o);
cpy_int cpy_size(PyObject *o);
cpy_ref cpy_getitem(PyObject *o, PyObject *key);
cpy_int cpy_setitem(PyObject *o, PyObject *key, PyObject *v);
cpy_ref cpy_iter(PyObject *o);
cpy_ref cpy_next(PyObject *it); // CPY_OK with NULL at the end
cpy_ref cpy_fetch(void);        // the pending exception, or NULL when there is none

// value.c
cpy_ref cpy_from_int(int64_t v);
cpy_ref cpy_from_uint(uint64_t v);
cpy_ref cpy_from_hex(const char *digits);
cpy_ref cpy_from_float(double v);
cpy_ref cpy_from_complex(double re, double im);
cpy_ref cpy_from_str(const char *s, Py_ssize_t len);
cpy_ref cpy_from_bytes(const void *s, Py_ssize_t len);
cpy_ref cpy_from_bytearray(const void *s, Py_ssize_t len);
cpy_int cpy_as_int(PyObject *o, int *overflow);
cpy_span cpy_as_hex(PyObject *o);
cpy_num cpy_as_float(PyObject *o);
cpy_num cpy_as_complex(PyObject *o);
cpy_span cpy_as_utf8(PyObject *o);
cpy_span cpy_as_bytes(PyObject *o);

// container.c: the setters consume v, also when they fail
cpy_ref cpy_list_new(Py_ssize_t n);
cpy_int cpy_list_set(PyObject *o, Py_ssize_t i, PyObject *v);
cpy_ref cpy_list_get(PyObject *o, Py_ssize_t i);
cpy_ref cpy_tuple_new(Py_ssize_t n);
cpy_int cpy_tuple_set(PyObject *o, Py_ssize_t i, PyObject *v);
cpy_ref cpy_tuple_get(PyObject *o, Py_ssize_t i);
cpy_ref cpy_dict_new(void);
cpy_int cpy_dict_set(PyObject *o, PyObject *k, PyObject *v); // borrows both
cpy_int cpy_dict_next(PyObject *o, Py_ssize_t *pos, PyObject **k, PyObject **v); // borrowed
cpy_ref cpy_set_new(int frozen);
cpy_int cpy_set_add(PyObject *o, PyObject *v); // borrows

// buffer.c
typedef struct { Py_buffer *view; PyObject *ref; int contiguous; int status; } cpy_buffer;
cpy_buffer cpy_buffer_get(PyObject *o);
int cpy_buffer_release(Py_buffer *view);

// callback.c
cpy_ref cpy_callback_new(uintptr_t id, const char *name, const char *doc);
cpy_ref cpy_memory_new(const void *data, Py_ssize_t len, uintptr_t id);
int cpy_raise(PyObject *exc);

// signals.c
enum { CPY_SIGNALS = 65 };
typedef struct { uintptr_t handler; int flags; } cpy_disposition; // 0 SIG_DFL, 1 SIG_IGN
void cpy_signals_save(void); // as found, for cpy_signal_restore
void cpy_signals_read(cpy_disposition *all);
void cpy_signal_restore(int sig, uintptr_t handler);
void cpy_signal_on_stack(int sig, uintptr_t handler);
void cpy_symbol(uintptr_t address, const char **file, const char **name);
enum { CPY_THEN_MEND, CPY_THEN_UNBLOCK };
cpy_ref cpy_wrap(PyObject *original, int wrapper); // a callable that calls original and then mends

// late.c
enum { CPY_FORK, CPY_FORKPTY, CPY_FIND_SPEC, CPY_SETRECURSIONLIMIT };
cpy_ref cpy_late(PyObject *self, int which); // self: eval and its arguments, and maybe the one to be called for

// crash_linux.c, crash_other.c: nothing is reported there
void cpy_crash_open(uintptr_t go_text, uintptr_t go_text_end);
cpy_ref cpy_crash_learn(PyObject *registrar, int reports); // faulthandler.register
void cpy_crash_mend(void);  // takes the crash signals back from libraries that took them; any thread
uintptr_t cpy_crash_foreign(int sig); // the handler that took sig over last, 0 for none
void cpy_crash_close(void);

// Go side, called by callback.c (see callback.go)
extern PyObject *gopyrpcCallback(uintptr_t id, PyObject *args, PyObject *kwargs);
extern void gopyrpcCallbackDropped(uintptr_t id);

#endif
