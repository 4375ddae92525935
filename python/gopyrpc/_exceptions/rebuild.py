"""Turn a record (see capture) back into an exception to raise.

The record comes from a peer. So no user constructor runs, and a name in the record is
called only if it names an exception class. An exception that cannot be rebuilt becomes a
`RemoteError` that carries the same facts as data. Nothing in this module raises but the
interruption of the call that receives the exception, which may come wherever code of a class runs.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules
from types import ModuleType

from .._attributes import checked_args, checked_field
from .._errors import RemoteError, RemoteTraceback
from .._introspect import base_of, get_cause, get_context, get_dict, get_suppress, is_interruption, text_of, type_name
from .fidelity import add_true_text, extent_of, limit_of, problem_of
from .render import full_name, headline, render

_set_cause = BaseException.__dict__["__cause__"].__set__
_set_context = BaseException.__dict__["__context__"].__set__
_set_suppress = BaseException.__dict__["__suppress_context__"].__set__


_UNICODE_ERRORS = (UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError)
MAX_PASSES = 10  # passes over the exceptions of one record, each of which may find further exceptions whose text fails


class _CannotRebuild(Exception):
    """Why an exception cannot be rebuilt under its class. The text goes into the RemoteError."""


def rebuild(record, loads, permits, given=None):
    """Return the exception of *record*, with its chain.

    *loads* unpickles the nested pickles. *permits(module, qualname)* says whether
    that class may be looked up. *given* is the class of ``errors[0]`` if it is known.
    """
    try:
        exc = _Builder(record, loads, permits, given).build()
        _attach_text(exc, render(record, last_hop=True))
        return exc
    except BaseException as problem:  # a malformed record
        if is_interruption(problem):
            raise
        how = f"{type_name(type(problem))}: {text_of(problem)}"
        return RemoteError(f"a remote exception arrived malformed ({how})")


def resolve(module, qualname):
    """Return the exception class of that name, importing its module.

    The function raises _CannotRebuild, walks through classes only, and calls nothing.
    """
    if not module or not qualname:
        raise _CannotRebuild("its class has no usable name")
    if "<locals>" in qualname:
        raise _CannotRebuild("its class is local to a function")
    try:
        __import__(module)
        found = modules[module]
        for name in qualname.split("."):
            if not isinstance(found, (type, ModuleType)):
                raise _CannotRebuild(f"{qualname!r} leads through a non-class")
            found = getattr(found, name)
    except _CannotRebuild:
        raise
    except BaseException as exc:
        if is_interruption(exc):
            raise
        reason = f"{type_name(type(exc))}: {text_of(exc)}"
        raise _CannotRebuild(f"its class is not available here: {reason}") from None
    return found


def require_exception(cls):
    """Return *cls* if a peer may make us raise it, else raise _CannotRebuild."""
    if not isinstance(cls, type) or not issubclass(cls, BaseException):
        raise _CannotRebuild("it does not name an exception class")
    if not issubclass(cls, Exception):
        raise _CannotRebuild("it would end or interrupt the caller if raised here")
    return cls


class _Builder:
    def __init__(self, record, loads, permits, given):
        self.record, self.errors = record, record["errors"]
        self.loads, self.permits, self.given = loads, permits, given
        self.unfaithful = {}  # the reasons, by index
        self.extents = {}  # how many parts the text of an exception, with a group's members, can have, by index
        self.limit = sum(map(limit_of, self.errors))
        self.built = {}
        self.building = set()

    def build(self):
        """Return exception 0, linked to the other exceptions, all of which have a text.

        A text may come from a cause or a member, so all exceptions are made and linked first.
        Where the text of an exception fails, all are made again, with a RemoteError in its place.
        """
        for _ in range(MAX_PASSES):
            self._make_all()
            found = {i: problem_of(self.built[i], self.errors[i]) for i in self._readable()}
            found = {i: reason for i, reason in found.items() if reason and i not in self.unfaithful}
            if not found:
                break
            self.unfaithful.update(found)
        else:
            self._make_all()
        self.note_texts()
        return self.get(0)

    def _make_all(self):
        """Make and link all exceptions, anew."""
        self.built.clear()
        self.building.clear()
        self.get(0)
        for i in range(len(self.errors)):
            self.link(i)

    def _readable(self):
        """Return the indices of the exceptions whose texts take time in proportion to the bytes that arrived.

        The package does not ask for a text that can take longer. That is up to the program.
        """
        return [i for i in range(len(self.errors)) if self.extents[i] <= self.limit]

    def note_texts(self):
        """Add the exceptions' original texts as notes, where the texts here differ."""
        if "msg" in self.record:  # made by hand: the text is given, and the class may be anything
            return
        for i in self._readable():
            exc = self.built[i]
            if type(exc) is not RemoteError:
                add_true_text(exc, self.errors[i], self.record["worker"])

    def get(self, i):
        """Return exception *i*, which is made on first use, without its links."""
        if i not in self.built:
            if i in self.building:  # a group that contains itself: forged
                raise ValueError("cyclic group")
            self.building.add(i)
            self.built[i] = self._make(i)
        return self.built[i]

    def link(self, i):
        error, exc = self.errors[i], self.get(i)
        if error.get("context") is not None:
            _set_context(exc, self.get(error["context"]))
        if error.get("cause") is not None:
            _set_cause(exc, self.get(error["cause"]))
        _set_suppress(exc, bool(error.get("suppress")))

    def _make(self, i):
        error = self.errors[i]
        numbers = [m for m in error.get("members") or () if m is not None]
        members = tuple(self.get(m) for m in numbers)
        of_members = sum(self.extents[m] for m in numbers)
        self.extents[i] = 1 + len(error["text"]) + of_members
        try:
            if i in self.unfaithful:
                raise _CannotRebuild(self.unfaithful[i])
            cls = self.given if i == 0 and self.given is not None else self._class(error)
            exc, extent = self._instance(require_exception(cls), error, members)
            self.extents[i] = extent + of_members
            return exc
        except _CannotRebuild as problem:
            reason = problem.args[0]
        except BaseException as problem:
            if is_interruption(problem):
                raise
            reason = f"{type_name(type(problem))}: {text_of(problem)}"
        return remote_error(self.record, i, reason, members)

    def _class(self, error):
        module, qualname = error["module"], error["qualname"]
        if not self.permits(module, qualname):
            raise _CannotRebuild("its class is not on the allow-list")
        return resolve(module, qualname)

    def _instance(self, cls, error, members):
        """Return an exception of *cls*, and how many parts its text can have, without those of *members*."""
        base = base_of(cls)
        if error.get("members") is not None:
            args = (error["message"], members)
        elif error.get("args") is not None:
            args = tuple(self.loads(error["args"]))
        else:
            raise _CannotRebuild("its arguments did not travel")
        exc = base.__new__(cls, *checked_args(base, args))
        (BaseException if error.get("own_init") else base).__init__(exc, *args)
        state = self.loads(error["state"]) if error.get("state") else {}
        own = error["message"] if error.get("members") is not None else args
        extent = extent_of((own, state) if state else own, limit_of(error))
        namespace = get_dict(exc)
        for name, value in state.items():
            field = getattr(base, name, None)
            if hasattr(type(field), "__set__"):  # kept in C: OSError, ImportError
                field.__set__(exc, checked_field(name, value))
            else:
                namespace[name] = checked_field(name, value)
        if issubclass(base, _UNICODE_ERRORS):
            _check_unicode_error(base, exc, "object" in state or not error.get("own_init"))
        if error.get("notes"):
            namespace["__notes__"] = list(error["notes"])
        return exc, extent


def _check_unicode_error(base, exc, has_object):
    """Raise _CannotRebuild where str() of *exc* would read memory that does not belong to its object.

    CPython does not check the type of ``object``, nor, before 3.14, that ``start`` is not negative.
    """
    kind = bytes if issubclass(base, UnicodeDecodeError) else str
    if has_object and not isinstance(base.object.__get__(exc), kind):
        raise _CannotRebuild(f"its object is no {kind.__name__}")
    if base.start.__get__(exc) < 0 or base.end.__get__(exc) < 0:
        raise _CannotRebuild("it is about a position before the first")


def remote_error(record, i, reason, members=()):
    """Return error *i* of *record* as a RemoteError."""
    error = record["errors"][i]
    exc = RemoteError(f"{headline(error)} [raised remotely; {reason}]")
    get_dict(exc).update(
        type_module=error["module"],
        type_qualname=error["qualname"],
        type_name=full_name(error),
        mro=tuple(error.get("mro") or ()),
        message=error["text"],
        args_repr=error.get("args_repr") or "",
        notes=tuple(error.get("notes") or ()),
        frames=tuple(error.get("frames") or ()),
        worker=record["worker"],
        remote_traceback=render(record) if i == 0 else "",
        reason=reason,
        exceptions=tuple(members),
    )
    return exc


def _attach_text(exc, text):
    """Make *text* print with *exc*, as the cause of the end of the chain of *exc*.

    Only an end that has neither cause nor visible context is changed, so every
    true link stays, and the ``__suppress_context__`` of the end is put back. The texts of
    earlier hops, of an exception that came to the callee from another worker, count as
    the end: what happened first is printed first.
    """
    seen = set()
    while id(exc) not in seen:
        seen.add(id(exc))
        earlier = get_cause(exc)
        if earlier is None and not get_suppress(exc):
            earlier = get_context(exc)
        if earlier is None or type(earlier) is RemoteTraceback:
            suppress = get_suppress(exc)
            end = RemoteTraceback(text)
            if earlier is not None:
                _set_cause(end, earlier)
            _set_cause(exc, end)
            _set_suppress(exc, suppress)
            return
        exc = earlier
