"""Packages and programs that Go carries, and facts for the doctor. Names from names.py."""

# ruff: noqa: F821

class EmbeddedFinder:
    """Imports packages whose sources the Go binary carries. First on sys.meta_path, so that nothing
    on sys.path can take a package's place. A MetaPathFinder and an InspectLoader in all but name."""

    def __init__(self):
        self.sources = {}  # module name -> (source, file name, is package)

    def find_spec(self, name, path=None, target=None):
        found = self.sources.get(name)
        if found is None:
            return None
        spec = ModuleSpec(name, self, origin=found[1], is_package=found[2])
        return spec

    def create_module(self, spec):
        return None  # the usual kind

    def is_package(self, name):
        return self.sources[name][2]

    def get_source(self, name):  # linecache asks for it, so tracebacks show the lines
        return self.sources[name][0]

    def get_code(self, name):
        source, filename, _ = self.sources[name]
        return compile(source, filename, "exec", dont_inherit=True)

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)


finder = EmbeddedFinder()
sys.meta_path.insert(0, finder)


def install_package(name, files):
    """files: path below the package's folder -> source. Submodules and subpackages as on a disk. A package of that name
    that was imported before stays what it is, with its modules."""
    imported = sys.modules.get(name)
    if imported is not None and name not in finder.sources:
        return
    for path, source in files.items():
        parts = path[: -len(".py")].split("/")
        is_package = parts[-1] == "__init__"
        if is_package:
            parts.pop()
        module = ".".join([name] + parts)
        finder.sources[module] = (source, "<%s>/%s" % (name, path), is_package)


def exec_main(source, filename):
    """Runs a program as __main__ and gives its namespace. SystemExit has a number or None: a text is
    printed and means 1, as with python3."""
    module = ModuleType("__main__")
    if not filename.startswith("<"):  # or what multiprocessing spawns would run the file
        module.__file__ = filename
    sys.modules["__main__"] = module
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as exc:
        if exc.code is None or _isinstance(exc.code, _int):
            raise
        print(exc.code, file=sys.stderr)
        raise SystemExit(1) from None
    return module


def other_threads():
    """Names of the threads that Python must be kept for: its own, with (daemon) where they are, those
    of native code that are inside a Python function, and torch's, which come back for every request.
    Threads of ours have left, and are in threading as dummies at most."""
    own = threading.main_thread()
    threads = [
        t
        for t in threading.enumerate()
        if t is not own and not _isinstance(t, threading._DummyThread)
    ]
    names = [t.name + (" (daemon)" if t.daemon else "") for t in threads]
    known = {t.ident for t in threads} | {threading.get_ident()}
    names += [
        "a native thread in " + frame.f_code.co_name
        for ident, frame in sys._current_frames().items()
        if ident not in known
    ]
    if torch_agent_runs():
        names.append("torch's RPC agent, until torch.distributed.rpc.shutdown()")
    return names


def join_threads():
    """Waits for the threads that are no daemons, on Python's main thread. Py_FinalizeEx does so too; it
    also tells thread pools to end, and does nothing the second time."""
    threading._shutdown()


def run_thread_exits():
    """What threading._shutdown does first: the functions of threading._register_atexit, the last one first. Executors
    end their threads and processes there. Each runs once, also where threading._shutdown comes later."""
    exits = _getattr(threading, "_threading_atexits", None)
    raised = None
    while exits:
        try:
            exits.pop()()
        except _BaseException as exc:
            raised = exc
    if raised is not None:
        raise raised


def end_children(patience):
    """Ends the processes that multiprocessing has started and that run still, those that have not heeded SIGTERM
    after so many seconds by SIGKILL, and gives their names."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is None:
        return []
    from time import monotonic

    children = multiprocessing.active_children()
    for child in children:
        child.terminate()
    end = monotonic() + patience
    for child in children:
        child.join(_max(0, end - monotonic()))
    for child in children:
        if child.is_alive():
            child.kill()
    return ["%s (pid %s)" % (child.name, child.pid) for child in children]


def torch_agent_runs():
    """Whether this process has an RPC agent of torch's. Its idle threads are nowhere in Python."""
    rpc = sys.modules.get("torch._C._distributed_rpc")
    is_set = _getattr(rpc, "_is_current_rpc_agent_set", None)
    return is_set is not None and is_set()


def diagnose():
    """Facts for `gopyrpc doctor`."""
    extensions = {}
    for name in ("_ctypes", "_ssl", "_socket", "_json", "_pickle"):
        try:
            __import__(name)
            extensions[name] = ""
        except _BaseException as exc:
            extensions[name] = "%s: %s" % (class_name(_type(exc)), _text(exc))
    import signal

    handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSEGV):
        handlers[signal.Signals(number).name] = _repr(signal.getsignal(number))
    return {
        "version": sys.version,
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": list(sys.path),
        "argv": list(sys.argv),
        "utf8_mode": _int(sys.flags.utf8_mode),
        "filesystem_encoding": sys.getfilesystemencoding(),
        "stdout_encoding": _str(_getattr(sys.stdout, "encoding", None)),
        "recursion_limit": sys.getrecursionlimit(),
        "switch_interval": sys.getswitchinterval(),
        "main_thread_is_owner": threading.main_thread() is threading.current_thread(),
        "extensions": extensions,
        "signals": handlers,
        "modules": {name: _text(_getattr(sys.modules.get(name), "__version__", "")) for name in ("torch", "numpy") if name in sys.modules},
    }
