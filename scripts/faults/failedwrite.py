"""Functions whose writes fail with a signal, and what becomes of signals."""


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


def breaks_pools(times):
    import os
    from concurrent.futures import ProcessPoolExecutor

    kinds = set()
    for _ in range(times):
        with ProcessPoolExecutor(2) as pool:
            futures = [pool.submit(os._exit, 3) for _ in range(2)]
            try:
                futures += [pool.submit(len, bytes(1 << 20)) for _ in range(4)]
            except Exception:
                pass  # it is known to be broken already
            kinds |= {type(f.exception()).__name__ for f in futures if f.exception()}
    return " ".join(sorted(kinds))


def signals_of_children():
    """The masks of ignored and of blocked signals of programs, each as often as it was found. glibc's two signals,
    which its posix_spawn ignores, do not count."""
    import collections, os, subprocess

    command = ["/bin/sh", "-c", "grep -E 'Sig(Ign|Blk)' /proc/self/status"]
    texts = [
        subprocess.check_output(command, text=True),
        subprocess.check_output(command, text=True, restore_signals=False),
        subprocess.check_output(command, text=True, restore_signals=False, preexec_fn=int),
        subprocess.check_output(command[2], text=True, shell=True, restore_signals=False),
    ]
    masks = [int(line.split()[1], 16) & ~(3 << 31) for text in texts for line in text.splitlines()]
    assert len(masks) == 8 and not any(masks), masks
    return dict(collections.Counter(masks))
