package main

// failedWriteFaults are writes that fail with a signal, on threads that Python made.
func failedWriteFaults() []fault {
	const raises = "the write raises, as in plain Python; the process goes on"
	return []fault{
		{name: "failed-write-pipe-thread", injected: "a thread of Python's writes to a pipe that nobody reads (SIGPIPE)", must: raises,
			do: outcome("BrokenPipeError", "fails_to_write", "thread", "pipe")},
		{name: "failed-write-socket-executor", injected: "a ThreadPoolExecutor's thread sends to a closed socket (SIGPIPE)", must: raises,
			do: outcome("BrokenPipeError", "fails_to_write", "executor", "socket")},
		{name: "failed-write-file-executor", injected: "a ThreadPoolExecutor's thread writes beyond RLIMIT_FSIZE (SIGXFSZ)", must: raises,
			do: outcome("File too large", "fails_to_write", "executor", "file")},
		{name: "failed-write-feeder", injected: "6 times: the thread that feeds a queue of multiprocessing writes to a pipe that nobody reads (SIGPIPE)",
			must: raises, do: outcome("BrokenPipeError", "feeds_nobody", 6)},
		{name: "failed-write-children", injected: "programs are run, and say what they ignore and block", must: "nothing is ignored nor blocked in them",
			do: outcome("[{0 8}]", "signals_of_children")},
	}
}
