"""The bridge's own Python: what is awkward to say through the C-API.

Runs once, on the interpreter's owner thread, as the module `_pyrpc_bridge`. It keeps what it needs as
globals, so that a program that empties sys.modules or breaks builtins cannot take it away.
"""

import _signal  # imported here because _thread.interrupt_main() crashes without it
import atexit
import builtins
import sys
import threading  # the first importer becomes Python's main thread: it must be the owner

# importlib.abc, importlib.machinery, types and signal (by way of enum) would double the time to start.
ModuleSpec, ModuleType, BuiltinFunction = type(sys.__spec__), type(sys), type(len)

_isinstance, _getattr, _str, _type, _len, _repr = isinstance, getattr, str, type, len, repr
_BaseException, _list, _tuple, _int, _issubclass = BaseException, list, tuple, int, issubclass

MAX_DEPTH = 64  # exceptions from the raised one to its farthest cause, context or group member
MAX_EXCEPTIONS = 1000  # described for one that was raised, all together
MAX_FRAMES = 200  # of one traceback; the middle of a longer one is left out
MAX_REPEATS = 3  # frames in a row for the same line: what Python prints of a recursion


class GoError(RuntimeError):
    """A Go error that crossed into Python. Back in Go it is the same error value again."""


class GoPanic(GoError):
    """A panic in a Go function that Python called."""


def make_go_error(message, origin, is_panic, builtin):
    """builtin: the name of the class to raise instead of GoError, where there is such an exception."""
    exc = _instance(builtin, message) or (GoPanic if is_panic else GoError)(message)
    exc._pyrpc_origin = origin  # a Go function that gives the error's number
    return exc


def _instance(builtin, message):
    cls = _getattr(builtins, builtin, None)
    if not (_isinstance(cls, _type) and _issubclass(cls, _BaseException)):
        return None
    try:
        return cls(message)
    except _BaseException:  # such as UnicodeDecodeError, which wants more than a message
        return None


def _slot(name):
    """Reads an attribute of BaseException past what a subclass makes of it."""
    return _BaseException.__dict__[name].__get__


_traceback, _cause, _context = _slot("__traceback__"), _slot("__cause__"), _slot("__context__")
_suppressed, _dict = _slot("__suppress_context__"), _slot("__dict__")


def _origin(exc):
    origin = _dict(exc).get("_pyrpc_origin")
    return origin() if _type(origin) is BuiltinFunction else 0


def _module(cls):
    try:
        module = cls.__module__
    except _BaseException:
        return "<unknown>"
    return module if _isinstance(module, _str) else "<unknown>"  # a class may set it to anything


def _qualname(cls):
    return _type.__dict__["__qualname__"].__get__(cls)  # whatever a metaclass says


def class_name(cls):
    module = _module(cls)
    return _qualname(cls) if module == "builtins" else module + "." + _qualname(cls)


def _text(exc):
    """str(exc), whatever exc's own methods do."""
    try:
        text = _str(exc)
        return text if _type(text) is _str else _str.__str__(text)
    except _BaseException as failure:
        return "<exception str() failed: %s>" % class_name(_type(failure))


def _notes(exc):
    try:
        notes = exc.__notes__
    except _BaseException:
        return []
    if not _isinstance(notes, (_list, _tuple)):
        return []
    return [note if _type(note) is _str else _text(note) for note in notes]


def _source_line(code_file, line, module_globals):
    try:
        import linecache

        return linecache.getline(code_file, line, module_globals).strip()
    except _BaseException:
        return ""


def _frames(tb):
    """The frames of a traceback as (file, line, function, source, repeated, omitted)."""
    runs = []  # [frame, line, how often in a row]
    while tb is not None:
        frame, line = tb.tb_frame, tb.tb_lineno or 0  # None where the code object has no line table
        if runs and runs[-1][0].f_code is frame.f_code and runs[-1][1] == line:
            runs[-1][2] += 1
        else:
            runs.append([frame, line, 1])
        tb = tb.tb_next
    out = []
    for frame, line, count in runs:
        code = frame.f_code
        shown = min(count, MAX_REPEATS)
        source = _source_line(code.co_filename, line, frame.f_globals)
        out.extend([(code.co_filename, line, code.co_name, source, 0, 0)] * shown)
        if count > shown:
            out[-1] = out[-1][:4] + (count - shown, 0)
    if _len(out) > MAX_FRAMES:
        half = MAX_FRAMES // 2
        cut = out[half:-half]
        out[half:-half] = []
        out[half - 1] = out[half - 1][:5] + (_len(cut) + sum(frame[4] for frame in cut),)
    return out


def _headline(exc):
    """What Python prints last; only SyntaxError says more than class and text."""
    if not _isinstance(exc, SyntaxError):
        return ""
    try:
        import traceback

        printed = traceback.TracebackException(_type(exc), exc, None)
        printed.__notes__ = None  # they are told apart
        return "".join(printed.format_exception_only()).rstrip("\n")
    except _BaseException:
        return ""


def describe(exc):
    """A tree of plain values for an exception: what package pybridge makes an Error of."""
    seen = {}  # by id; holds the exceptions, so that no id is used twice
    room = [MAX_EXCEPTIONS]

    def linked(exc, depth):  # as a cause or a context, which may be circular
        return None if id(exc) in seen else one(exc, depth)

    def one(exc, depth=0):
        if not _isinstance(exc, _BaseException) or depth >= MAX_DEPTH or not room[0]:
            return None
        room[0] -= 1
        seen[id(exc)] = exc
        cls = _type(exc)
        members = _members(exc)
        return (
            _module(cls),
            _qualname(cls),
            [class_name(c) for c in _type.__dict__["__mro__"].__get__(cls)],
            _text(exc),
            _headline(exc),
            _notes(exc),
            _frames(_traceback(exc)),
            linked(_cause(exc), depth + 1),
            linked(_context(exc), depth + 1),
            _suppressed(exc),
            None if members is None else [one(m, depth + 1) for m in members],
            _origin(exc),
        )

    return one(exc)


def _members(exc):
    """The exceptions of a group, None for any other."""
    return BASE_GROUP.exceptions.__get__(exc) if BASE_GROUP is not None and _isinstance(exc, BASE_GROUP) else None


try:
    BASE_GROUP = BaseExceptionGroup
except NameError:  # before 3.11
    BASE_GROUP = None


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
    """files: path below the package's folder -> source. Submodules and subpackages as on a disk."""
    for path, source in files.items():
        parts = path[: -len(".py")].split("/")
        is_package = parts[-1] == "__init__"
        if is_package:
            parts.pop()
        module = ".".join([name] + parts)
        finder.sources[module] = (source, "<%s>/%s" % (name, path), is_package)


def exec_main(source, filename):
    """Runs a program as __main__ and gives its namespace."""
    module = ModuleType("__main__")
    module.__file__ = filename
    sys.modules["__main__"] = module
    exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)
    return module


def flush():
    """What the interpreter would do at its end and a process that never finalises would lose."""
    failures = []

    def attempt(what, function):
        try:
            function()
        except _BaseException as exc:
            failures.append("%s: %s: %s" % (what, class_name(_type(exc)), _text(exc)))

    attempt("atexit", atexit._run_exitfuncs)
    for name in ("stdout", "stderr"):
        stream = _getattr(sys, name, None)
        if stream is not None and not _getattr(stream, "closed", False):
            attempt("sys." + name, stream.flush)
    return failures


def other_threads():
    """Names of the Python threads that are still alive, with (daemon) where they are."""
    own = threading.main_thread()
    return [
        t.name + (" (daemon)" if t.daemon else "")
        for t in threading.enumerate()
        if t is not own and not _isinstance(t, threading._DummyThread)
    ]


def diagnose():
    """Facts for `pyrpc doctor`."""
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


def find_modules(names):
    """Which of the modules could be imported, without importing them."""
    import importlib.util

    return [name for name in names if importlib.util.find_spec(name) is not None]
