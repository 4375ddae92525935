// SIGPIPE and SIGXFSZ mean that a write failed, which the write itself says too. CPython ignores them, and
// raises BrokenPipeError or OSError. An ignored signal is inherited by the programs that a process runs, and Go's
// writes to a closed standard output would not end the process any more. So these two get a handler that does nothing.
//
// It is installed before the Go runtime starts, which takes it for the process's own: Go's handler calls it for a SIGPIPE
// outside Go code, and for either signal on a thread that Go did not make. Without it, such a signal got the default action there,
// and ended the process.
#include <signal.h>
#include <stddef.h>

#include "status.h"

static const int failed_writes[] = {SIGPIPE, SIGXFSZ};
enum { N_FAILED_WRITES = sizeof failed_writes / sizeof *failed_writes };

static void do_nothing(int sig) { (void)sig; }

void cpy_handle_failed_writes(void) {
	for (int i = 0; i < N_FAILED_WRITES; i++) {
		struct sigaction now;
		if (sigaction(failed_writes[i], NULL, &now) || now.sa_handler != SIG_DFL) continue;
		now = (struct sigaction){.sa_handler = do_nothing, .sa_flags = SA_ONSTACK | SA_RESTART};
		sigaction(failed_writes[i], &now, NULL);
	}
}

// In a process that is Python's they are Python's.
__attribute__((constructor)) static void prepare(void) {
	if (cpy_process_has_python() != 2) cpy_handle_failed_writes();
}
