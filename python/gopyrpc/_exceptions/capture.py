"""Turn an exception into a record: plain data that always pickles and loads.

A record is a dict of str, int, bool, None, bytes, list, tuple and dict only::

    {"worker": str, "errors": [error, ...], "truncated": bool}

``errors[0]`` is the exception itself. The other errors are the exceptions that it reaches through
``__cause__``, ``__context__`` and group membership, each once. They refer to each
other by index, so cycles and long chains need neither recursion nor care. An
error holds names and text, and as ``args`` and ``state`` *nested* pickles. Only a nested
pickle can fail to load at the receiver, and the rest of the record loads all the same.

Nothing in this module raises, whatever the exception's class does.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from _pickle import dumps
from gc import collect
from os import getpid
from sys import modules

from .._errors import UnpicklableValue
from .._introspect import (
    base_of,
    exact,
    get_args,
    get_cause,
    get_context,
    get_dict,
    get_suppress,
    get_traceback,
    repr_of,
    set_traceback,
    text_of,
    type_dict,
    type_is_static,
    type_module,
    type_mro,
    type_name,
    type_qualname,
)
from .._name import LOGGER, MODULES, REMOTE
from .._pickling import by_class
from .fidelity import extent_of

MAX_ERRORS = 100  # exceptions in one record
MAX_FRAMES = 100  # frames of one exception: half from each end
MAX_ARGS_REPR = 10_000  # characters; the arguments themselves are not cut
MAX_PARTS = 1_000_000  # parts of a value that a restricted peer may have made, of which a text is still made: see fidelity

_GROUP = __builtins__.get("BaseExceptionGroup")  # from 3.11

_worker = None


def set_worker_name(name):
    """Name this process in the text of remote exceptions. None names it by its process id."""
    global _worker
    _worker = None if name is None else str(name)


def get_worker_name():
    return f"pid {getpid()}" if _worker is None else _worker


def capture(exc):
    """Return the record of *exc*."""
    try:
        return _capture(exc)
    except MemoryError:
        _relieve(exc)
    except BaseException as problem:
        return _undescribed(exc, problem)
    try:
        return _capture(exc)
    except BaseException as problem:
        return _undescribed(exc, problem)


def _undescribed(exc, problem):
    return minimal(type(exc), f"<could not be described: {type_name(type(problem))}>")


def _relieve(exc):
    """Clear the frames of the traceback: the function's variables may hold what fills the memory."""
    for _ in range(MAX_ERRORS):
        if exc is None:
            break
        tb = get_traceback(exc)
        while tb is not None:  # up to 3.10 the except clause that runs this code keeps the traceback
            try:
                tb.tb_frame.clear()
            except RuntimeError:
                pass  # the frame is running
            tb = tb.tb_next
        set_traceback(exc, None)
        exc = get_context(exc)
    collect()


def minimal(cls, text):
    """Return the record of an exception of which only the type and the text are known."""
    error = {"module": type_module(cls), "qualname": type_qualname(cls)}
    error.update(mro=_mro_names(cls), text=text, repr=text)
    return {"worker": get_worker_name(), "errors": [error], "truncated": False}


def given(cls, text):
    """Return the record of a RemoteException that was made by hand, where *cls* may be anything."""
    record = minimal(cls if isinstance(cls, type) else type(cls), text)
    record["msg"] = text
    error = record["errors"][0]
    if not isinstance(cls, type):
        error.update(module="", qualname=repr_of(cls), mro=[])
    error["args"] = dumps((text,), 5)
    return record


def _capture(exc):
    index = {id(exc): 0}
    found = [exc]

    def refer(other):
        if other is None:
            return None
        i = index.get(id(other))
        if i is None and len(found) < MAX_ERRORS:
            i = index[id(other)] = len(found)
            found.append(other)
        return i

    errors = []
    truncated = False
    for current in found:  # the list grows meanwhile
        cause, context = get_cause(current), get_context(current)
        error = _describe(current)
        error["cause"] = refer(cause)
        error["context"] = refer(context)
        error["suppress"] = bool(get_suppress(current))
        lost = (cause is not None and error["cause"] is None) or (
            context is not None and error["context"] is None
        )
        if base_of(type(current)) is _GROUP:
            members = _GROUP.exceptions.__get__(current)
            error["message"] = exact(_GROUP.message.__get__(current))
            error["members"] = [refer(m) for m in members]
            lost = lost or None in error["members"]
        truncated = truncated or lost
        errors.append(error)
    # Only the repr of errors[0] is shown, and the repr of deep groups takes long.
    errors[0]["repr"] = repr_of(exc) if _has_text(exc) else errors[0]["text"]
    return {"worker": get_worker_name(), "errors": errors, "truncated": truncated}


def _describe(exc):
    cls = type(exc)
    own_init = _has_own_init(cls)
    args, state = _parts(exc, cls, own_init)
    notes = state.pop("__notes__", ())
    frames, omitted = _frames(get_traceback(exc))
    bounded = _has_text(exc)
    too_long = f"<{type_name(cls)}: its text would be too long>"
    return {
        "module": type_module(cls),
        "qualname": type_qualname(cls),
        "mro": _mro_names(cls),
        "text": text_of(exc) if bounded else too_long,
        "args": None if args is None else _dump_values(args),
        "args_repr": _args_repr(args) if bounded else too_long,
        "own_init": own_init,  # the fields that C keeps are in the state, and do not follow from args
        "state": _dump_values(state) if state else None,
        "notes": _note_texts(notes),
        "frames": frames,
        "frames_omitted": omitted,
    }


def _has_text(exc):
    """Tell whether *exc* can be asked for its text: a text of exponential length keeps C code busy for ever."""
    if not by_class.required.get():
        return True
    return extent_of((get_args(exc), get_dict(exc)), MAX_PARTS) <= MAX_PARTS


def _mro_names(cls):
    return [f"{type_module(c)}.{type_qualname(c)}" for c in type_mro(cls)]


def _has_own_init(cls):
    """Tell whether the fields that C keeps may differ from what base_of(cls) makes of the arguments."""
    base = base_of(cls)
    if base is BaseException or base is _GROUP:
        return False
    for other in type_mro(cls):
        if type_is_static(other):
            return other is not base  # the __init__ of another class was called, or no __init__
        if "__init__" in type_dict(other) or "__new__" in type_dict(other):
            return True
    return False


def _parts(exc, cls, own_init):
    """Return (args, state); args is None for groups, whose members are errors."""
    base = base_of(cls)
    if base is _GROUP:
        args, state = None, dict(get_dict(exc))
    elif own_init:
        args, state = get_args(exc), {**get_dict(exc), **_fields(exc, base)}
    else:
        args, state = _reduce(exc, base)
        if issubclass(base, (AttributeError, NameError)) and hasattr(base, "name"):
            state["name"] = base.name.__get__(exc)  # __reduce__ leaves the name out
    # The RemoteException of an earlier hop, whose text is in the chain already.
    state.pop(REMOTE, None)
    state.pop("args", None)  # the state of an AttributeError has the args a second time, from 3.12
    return args, state


def _fields(exc, base):
    """Return the fields that C keeps in *exc* beyond those of every exception, by name.

    Fields that are None are left out: such a field may be absent, which makes a difference to OSError's text.
    """
    fields = {}
    for cls in type_mro(base):
        if cls is BaseException:
            break
        for name, field in type_dict(cls).items():
            if name != "obj" and hasattr(type(field), "__set__"):  # the object of an AttributeError does not travel
                try:
                    value = field.__get__(exc)
                except AttributeError:  # OSError.characters_written, where no code has set it
                    value = None
                if value is not None:
                    fields[name] = value
    return fields


def _reduce(exc, base):
    reduced = base.__reduce__(exc)
    state = reduced[2] if len(reduced) > 2 else None
    return tuple(reduced[1]), dict(state) if isinstance(state, dict) else {}


def _dump_values(values):
    """Pickle a tuple or dict. Values that cannot be pickled travel as their repr."""
    try:
        return _dump(values)
    except BaseException:
        pass
    if isinstance(values, tuple):
        return _dump(tuple([_dumpable(v) for v in values]))
    return _dump({exact(k): _dumpable(v) for k, v in values.items()})


def _dump(value):
    return by_class.dumps(value) if by_class.required.get() else dumps(value, 5)


def _dumpable(value):
    try:
        _dump(value)
        return value
    except BaseException:
        return UnpicklableValue(repr_of(value))


def _args_repr(args):
    text = repr_of(args) if args is not None else ""
    if len(text) > MAX_ARGS_REPR:
        text = text[:MAX_ARGS_REPR] + "..."
    return text


def _note_texts(notes):
    if isinstance(notes, (list, tuple)):
        return [exact(n) if isinstance(n, str) else repr_of(n) for n in notes]
    return [repr_of(notes)]


def _frames(tb):
    """Return ([(file, line, function, source), ...], how many were left out)."""
    entries = []
    while tb is not None:
        entries.append(tb)
        tb = tb.tb_next
    # This package's frames say nothing about the user's code, whether they called that code or were called by it.
    if not is_debugging():
        entries = [entry for entry in entries if not _is_ours(entry)]
    half = MAX_FRAMES // 2
    omitted = max(0, len(entries) - MAX_FRAMES)
    if omitted:
        del entries[half:-half]
    source = _source_reader()
    return [_frame(entry, source) for entry in entries], omitted


def _is_ours(tb):
    return str(tb.tb_frame.f_globals.get("__name__")).startswith(MODULES)


def is_debugging():
    """Tell whether the program wants to see more: whether it uses logging, and has the logger gopyrpc.udf at DEBUG."""
    try:
        logging = modules.get("logging")
        return logging is not None and logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG)
    except BaseException:
        return False


def _frame(tb, source):
    code = tb.tb_frame.f_code
    line = tb.tb_lineno or 0
    text = source(code.co_filename, line, tb.tb_frame.f_globals)
    return (exact(code.co_filename), line, exact(code.co_name), text)


def _source_reader():
    """Return a function that reads source lines, and checks each file once."""
    linecache = modules.get("linecache")
    if linecache is None:
        try:
            import linecache  # imported here, as most processes never need the module
        except BaseException:
            return lambda filename, line, namespace: ""
    checked = set()

    def read(filename, line, namespace):
        try:
            if filename not in checked:
                checked.add(filename)
                linecache.checkcache(filename)
            return exact(linecache.getline(filename, line, namespace)).strip()
        except BaseException:
            return ""

    return read
