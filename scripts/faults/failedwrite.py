"""Functions whose writes fail with a signal, and a function that tells how signals are set."""


def write_failing(what):
    import os, resource, socket, tempfile

    if what == "pipe":
        r, w = os.pipe()
        os.close(r)
        os.write(w, b"x")
    elif what == "socket":
        a, b = socket.socketpair()
        b.close()
        for _ in range(2):
            a.sendall(b"x")
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
        try:
            with tempfile.TemporaryFile(buffering=0) as f:
                for _ in range(2):
                    f.write(b"x" * 10)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fails_to_write(where, what):
    import threading
    from concurrent.futures import ThreadPoolExecutor

    got = []

    def write():
        try:
            write_failing(what)
        except OSError as exc:
            got.append("%s: %s" % (type(exc).__name__, exc))

    if where == "thread":
        t = threading.Thread(target=write)
        t.start()
        t.join()
    else:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write).result()
    return got[0]


def feeds_nobody(times):
    """Have the thread that feeds a queue of multiprocessing, such as a ProcessPoolExecutor has, write to a pipe whose
    reader is closed. (In a pool whose workers die the same happens, but up to Python 3.11.4 the pool may hang: gh-94777.)"""
    import multiprocessing

    kinds = set()
    for _ in range(times):
        queue = multiprocessing.Queue()
        queue._on_queue_feeder_error = lambda exc, obj: kinds.add(type(exc).__name__)
        queue._reader.close()
        queue.put("anything")
        queue.close()
        queue.join_thread()
    return " ".join(sorted(kinds))


def signals_of_children():
    """Count the masks of ignored and of blocked signals of programs. Signals do not count that this process was started
    with as ignored, as under nohup, nor do glibc's two signals, which glibc's posix_spawn ignores."""
    import collections, os, signal, subprocess

    with open("/proc/self/status") as status:
        inherited = next(int(line.split()[1], 16) for line in status if line.startswith("SigIgn"))
    inherited &= ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)
    command = ["/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status"]
    texts = [
        subprocess.check_output(command, text=True),
        subprocess.check_output(command, text=True, restore_signals=False),
        subprocess.check_output(command, text=True, restore_signals=False, preexec_fn=int),
        subprocess.check_output(command[2], text=True, shell=True, restore_signals=False),
    ]
    masks = [int(line.split()[1], 16) & ~inherited & ~(3 << 31) for text in texts for line in text.splitlines()]
    assert len(masks) == 8 and not any(masks), masks
    return dict(collections.Counter(masks))
