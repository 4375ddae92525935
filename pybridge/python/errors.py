"""Exceptions as plain values, and Go errors as exceptions. Names from names.py."""

# ruff: noqa: F821

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
    exc._gopyrpc_origin = origin  # a Go function that gives the error's number
    return exc


def _instance(builtin, message):
    cls = _getattr(builtins, builtin, None)
    if not (_isinstance(cls, _type) and _issubclass(cls, _BaseException)):
        return None
    try:
        return cls(message.removeprefix(builtin + ": "))  # Python says it, too
    except _BaseException:  # such as UnicodeDecodeError, which wants more than a message
        return None


def _slot(name):
    """Reads an attribute of BaseException past what a subclass makes of it."""
    return _BaseException.__dict__[name].__get__


_traceback, _cause, _context = _slot("__traceback__"), _slot("__cause__"), _slot("__context__")
_suppressed, _dict = _slot("__suppress_context__"), _slot("__dict__")


def _origin(exc):
    origin = _dict(exc).get("_gopyrpc_origin")
    try:
        return origin() if _type(origin) is BuiltinFunction else 0
    except _BaseException:  # no Go function, but something that a program put there
        return 0


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
    if not _derives(exc, SyntaxError):
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
    return BASE_GROUP.exceptions.__get__(exc) if _derives(exc, BASE_GROUP) else None


try:
    BASE_GROUP = BaseExceptionGroup
except NameError:  # before 3.11
    BASE_GROUP = None
