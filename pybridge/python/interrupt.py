"""How a call is told to stop whose caller's context has ended. Names from names.py.

PyThreadState_SetAsyncExc would raise the exception at the thread's next check, and nobody can say where that is: between
a lock that was taken and the `try` that gives it back, at the first instruction of an `__exit__`, in another thread that
still has the same ident (up to 3.11). So nothing is sent. The thread itself looks where it is: when it begins a function,
jumps back in a loop, or has come back from a C function. There it raises, or goes on to a place where that does no harm.

From 3.12 on sys.monitoring has it look, in the functions that it was found in; up to 3.11 a trace and a profile function
of that thread alone, which the bridge sets (_PyEval_SetTrace).
"""

# ruff: noqa: F821

MASKED_FOR = 2.0  # seconds for which functions that are marked, or named like those of locks, are left alone
LOOKS = 100  # how often their thread looks before they are not: one that had to wait has just taken the lock
QUIET = 0.25  # seconds between two exceptions for one call: gil.Patience

Interrupted = _type(
    "Interrupted",
    (_BaseException,),
    {"__module__": PACKAGE, "__doc__": "The Go caller's context has ended: nobody waits for this call any more."},
)

# What Python's protocols call the functions of locks and of context managers; and __del__, whose exceptions nobody hears of.
# Functions of the binary's own files have the mark of names.py instead.
DELICATE = frozenset(
    "acquire release _acquire_restore _release_save __enter__ __exit__ __aenter__ __aexit__ __del__".split()
)

_stdlib = threading.Thread.start.__code__.co_filename[: -_len("threading.py")]

# Files whose functions keep what others share, locks first of all: these are never interrupted, what they call is.
UNTOUCHED = _tuple(
    _stdlib + name
    for name in (
        "_pyio.py _threading_local.py _weakrefset.py asyncio/ concurrent/futures/ contextlib.py functools.py importlib/ "
        "logging/ multiprocessing/ queue.py threading.py weakref.py"
    ).split()
) + ("<frozen importlib.", FRAMES)
IMPORTING = "<frozen importlib."  # a package that was left in the middle of its import can often not be imported again

_current_frames, _getframe, _get_ident = sys._current_frames, sys._getframe, threading.get_ident
_monitoring, _iter, _next = _getattr(sys, "monitoring", None), iter, next
_no_tables = not hasattr(_text.__code__, "co_exceptiontable")  # up to 3.10

due = {}  # ident of a thread that is to stop -> mark
traps = {}  # id of a code object whose threads look -> the code object


def new_mark():
    """What tells a thread that it is to stop: [since when it is masked, quiet until, frame, instruction, looks]. Frame
    and instruction are on_event's; on_jump says by the third that the next instruction is to raise. Looks is how often
    the thread has looked while it is in functions that are left alone. The end of the call replaces the first by None,
    and sees by the second, 0 until then, whether the exception was raised."""
    return [monotonic(), 0.0, 0, -1, 0]


def harmless(frame, mark):
    """Whether an exception in *frame*, which a thread executes, leaves nothing behind that somebody else waits for."""
    if frame.f_code.co_filename.startswith(UNTOUCHED) or is_masked(frame, mark):
        return False
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return False
        frame = frame.f_back
    return True


def is_masked(frame, mark):
    """Whether a thread executes, or was called by, what is left alone for a while. The time alone does not end that, as it
    passes for a thread that waits for a lock, or for the processor."""
    return (monotonic() - mark[0] < MASKED_FOR or mark[4] < LOOKS) and is_within_delicate(frame)


def is_within_delicate(frame):
    while frame is not None:
        code = frame.f_code
        if code.co_name in DELICATE or _id(code) in masked:
            return True
        frame = frame.f_back
    return False


def is_due(frame, mark):
    if mark[0] is None or monotonic() < mark[1]:
        return False
    mark[4] = mark[4] + 1 if is_within_delicate(frame) else 0
    return harmless(frame, mark)


def raise_if_harmless(frame, mark):
    if is_due(frame, mark):
        mark[0] = monotonic()
        mark[1] = mark[0] + QUIET
        raise Interrupted


def _is_delicate(function):
    """Whether a C function may just have taken what somebody will give back."""
    try:
        return _getattr(function, "__name__", None) in DELICATE
    except _BaseException:
        return True


def _varint(byte, table):
    value = byte & 63
    while byte & 64:
        byte = _next(table)
        value = value << 6 | byte & 63
    return value


def _handler(code, offset):
    """Where an exception at *offset* goes to, by the exception table: Objects/exception_handling_notes.txt of CPython."""
    table = _iter(code.co_exceptiontable)
    for byte in table:
        start, size = _varint(byte, table), _varint(_next(table), table)
        target, _ = _varint(_next(table), table), _varint(_next(table), table)
        if 2 * start <= offset < 2 * (start + size):
            return target
    return None


def is_loop(code, offset, destination):
    """Whether a jump back does not leave a `try` or `with` statement. One at the end of an `except` clause may go back to
    where the statement around it ends, and there an exception would not be seen by that statement any more. Up to 3.10
    a block ends after such a jump."""
    if destination > offset:
        return False
    return _no_tables or _handler(code, offset) == _handler(code, destination)


# Defaults, as globals are gone at the interpreter's end, and a trap may still be there.


def on_start(code, offset, *, due=due, get_ident=_get_ident):
    mark = due.get(get_ident())
    if mark is not None:
        raise_if_harmless(_getframe(1), mark)


def on_jump(code, offset, destination, *, due=due, get_ident=_get_ident):
    """Has the exception raised at the jump's destination. One that is raised by this function itself is not seen by the
    `try` and `with` statements around the loop, in 3.12, 3.13 and the first of 3.14."""
    mark = due.get(get_ident())
    if mark is None:
        return
    try:
        if is_loop(code, offset, destination) and is_due(_getframe(1), mark):
            mark[2] = 1
            _monitoring.set_local_events(_take_tool(), code, trap_events() | _monitoring.events.INSTRUCTION)
    except _BaseException:  # such as a RecursionError: next time
        mark[2] = 0


def on_instruction(code, offset, *, due=due, get_ident=_get_ident):
    mark = due.get(get_ident())
    if mark is None or not mark[2]:
        return
    mark[2] = 0
    _monitoring.set_local_events(_take_tool(), code, trap_events() if _id(code) in traps else 0)
    raise_if_harmless(_getframe(1), mark)


def on_c_return(code, offset, function, arg, *, due=due, get_ident=_get_ident):
    mark = due.get(get_ident())
    if mark is not None and not _is_delicate(function):
        raise_if_harmless(_getframe(1), mark)


_CALL, _RETURN, _C_RETURN, _OPCODE = 0, 3, 6, 7  # PyTrace_CALL and so on


def on_event(frame, what, arg, *, settrace=sys.settrace, setprofile=sys.setprofile):
    """For _PyEval_SetTrace and _PyEval_SetProfile. An instruction at or before the last one is a jump back."""
    mark = due.get(_get_ident())
    if mark is None or mark[0] is None:  # the call has ended
        settrace(None)
        setprofile(None)
    elif what == _OPCODE:
        former, last = mark[2], mark[3]
        mark[2], mark[3] = _id(frame), frame.f_lasti
        if former == mark[2] and is_loop(frame.f_code, last, mark[3]):
            raise_if_harmless(frame, mark)
    elif what == _CALL:
        mark[2] = 0
        frame.f_trace_opcodes = True
        raise_if_harmless(frame, mark)
    elif what == _RETURN:
        mark[2] = 0  # a later frame may be where this one was
    elif what == _C_RETURN and not _is_delicate(arg):
        raise_if_harmless(frame, mark)


def _take_tool():
    """The number of a tool of sys.monitoring, None when others have all six."""
    for number in (4, 3, 5, 2, 1, 0):  # the last three are for profilers, coverage and debuggers
        if _monitoring.get_tool(number) == PACKAGE:
            return number
        if _monitoring.get_tool(number) is None:
            _monitoring.use_tool_id(number, PACKAGE)
            events, register = _monitoring.events, _monitoring.register_callback
            register(number, events.PY_START, on_start)
            register(number, events.JUMP, on_jump)
            register(number, events.INSTRUCTION, on_instruction)
            register(number, events.C_RETURN, on_c_return)
            return number
    return None


def trap_events():
    events = _monitoring.events
    return events.PY_START | events.JUMP | events.CALL  # with CALL there is C_RETURN


def set_traps(wanted):
    """Has threads look in the code objects of *wanted*, by their ids, and in no others."""
    if not traps and not wanted:
        return
    tool = _take_tool()
    if tool is None:
        return
    for key in _list(traps):
        if key not in wanted:
            _monitoring.set_local_events(tool, traps.pop(key), 0)
    for key, code in wanted.items():
        if key not in traps:
            traps[key] = code
            _monitoring.set_local_events(tool, code, trap_events())


def look(calls):
    """Have the threads of *calls*, each (ident, mark, whether to set traps), look from now on, and no others. Gives for
    each its Python frames, as a text, and whether it is masked: a wait in Go is not to be ended then. And gives what
    _PyEval_SetTrace is to be given, or None."""
    for ident, mark in _list(due.items()):
        if mark[0] is None:
            del due[ident]
    frames, seen, wanted = _current_frames(), [], {}
    for ident, mark, traps_too in calls:
        since, frame = mark[0], frames.get(ident)
        if since is None or frame is None:
            seen.append(("", False))
        else:
            new = monotonic() - since < MASKED_FOR  # and no more: who waits in Go does not look
            seen.append((stack_of(frame), new and is_within_delicate(frame)))
        if since is not None:
            due[ident] = mark
            add_code(frame if traps_too else None, wanted)
    del frames
    if _monitoring is None:
        return seen, on_event
    set_traps(wanted)
    return seen, None


def add_code(frame, wanted):
    """Prepares what a thread executes, from *frame* out, for its looking."""
    while frame is not None:
        code = frame.f_code
        if _monitoring is None:
            frame.f_trace_opcodes = True
        elif not code.co_filename.startswith(UNTOUCHED):
            wanted[_id(code)] = code
        frame = frame.f_back


def stack_of(frame):
    """The Python frames of a thread, innermost last."""
    lines = []
    while frame is not None and _len(lines) < 50:
        code = frame.f_code
        lines.append('  File "%s", line %s, in %s' % (code.co_filename, frame.f_lineno, code.co_name))
        frame = frame.f_back
    lines.reverse()
    return "\n".join(lines)
