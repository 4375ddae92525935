"""An RPC module that is not ours, torch's above all, behind our interface.

The module's functions are used as they are. This module mends from outside what they get
wrong, as far as the outside can see it: failures that are returned as values, failures
of the failure handling, and thread-local tables that are left behind.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from contextvars import Context
from sys import modules

from .._errors import RemoteError, check_size, describe_pickling, describe_unpickling
from .._exceptions.capture import capture
from .._exceptions.render import render
from .._introspect import (
    get_args,
    get_context,
    get_dict,
    get_traceback,
    repr_of,
    text_of,
    type_module,
    type_mro,
    type_name,
    type_qualname,
)
from .._name import REMOTE
from .._tensors import torch_access
from .._tensors.reducers import mend_table
from .torch_run import loaded, make_run

_TABLES = "_thread_local_tensor_tables"


def make_foreign(module, names, max_payload):
    """Return the members of a Handle for *module*, by name."""
    foreign = _Foreign(module, names, max_payload)
    return {
        "run": make_run(foreign, names),
        "serialize": foreign.serialize,
        "deserialize": foreign.deserialize,
        "run_function": foreign.run_function,
        "handle_exception": foreign.handle_exception,
        "is_remote_exception": foreign.is_remote_exception,
        "names": names,
    }


class _Foreign:
    def __init__(self, module, names, max_payload):
        self._run_function = names["_run_function"]
        self._serialize = names["serialize"]
        self._deserialize = names["deserialize"]
        self._handle_exception = names["_handle_exception"]
        self._remote_exception = getattr(module, "RemoteException", None)
        self.tables = getattr(module, _TABLES, None)
        self._module_name = module.__name__
        self.max_payload = max_payload

    def in_steps(self, data, tensors):
        result = self._call(self.deserialize(data, tensors))
        data, tensors = self.serialize(result)
        return (data, tensors) if tensors else data

    def run_function(self, udf):
        return Context().run(self._call, udf)

    def deserialize(self, data, tensors=None):
        if self.max_payload is not None:
            check_size(data, self.max_payload)
        saved = self._save_tables()
        try:
            value = self._deserialize(data, [] if tensors is None else tensors)
        except BaseException as exc:
            data = tensors = None  # the traceback keeps this frame
            raise describe_unpickling(exc) from exc
        finally:
            self._restore_tables(saved)
        return loaded(value)

    def serialize(self, obj):
        try:
            return self._dump(obj)
        except BaseException as exc:
            return self.instead(obj, exc)

    def instead(self, obj, failure):
        """Serialize a value that can travel in place of *obj*, which cannot."""
        for base in self._bases_of(obj):
            # An exception class that cannot travel must not hide the exception.
            try:
                return self._dump(self._remote_exception(obj.msg, base))
            except BaseException:
                continue
        raise describe_pickling(failure, obj) from failure

    def _dump(self, obj):
        saved = self._save_tables()
        try:
            data, tensors = self._serialize(obj)
            return data, mend_table(tensors) if tensors else tensors
        finally:
            self._restore_tables(saved)

    def _bases_of(self, obj):
        if not self.is_remote_exception(obj) or self._remote_exception is None:
            return ()
        cls = getattr(obj, "exception_type", None)
        if not isinstance(cls, type) or not issubclass(cls, Exception):
            return ()
        return [base for base in type_mro(cls)[1:] if issubclass(base, Exception)]

    def _call(self, udf):
        switch = torch_access.grad_switch() if "torch" in modules else None
        try:
            if switch is not None:
                switch(True)
            return self._run_function(udf)
        except BaseException as exc:
            return self.failed(exc)
        finally:
            if switch is not None:
                switch(True)

    def failed(self, exc):
        """Make the result for *exc*, which left the module's _run_function.

        *exc* may come from the module's own error handling ("Current RPC agent is
        not set", a ``__repr__`` that raises, a closed stderr). Then the exception of the user's
        function is the context of *exc*. A BaseException that is no Exception would
        end the process that raises it: the result has a RuntimeError instead.
        """
        original = _handled_by_module(exc)
        text = _text(original)
        cls = type(original)
        if not issubclass(cls, Exception):
            cls = RuntimeError
        make = self._remote_exception
        if make is None:
            from .._run import failed

            return failed(original)
        return make(text, cls)

    def is_remote_exception(self, obj):
        cls = self._remote_exception
        if isinstance(cls, type):
            return issubclass(type(obj), cls)
        return (
            type_module(type(obj)) == self._module_name
            and type_qualname(type(obj)) == "RemoteException"
        )

    def handle_exception(self, result):
        """Raise what *result* stands for; RemoteError where the module cannot.

        torch's function calls ``exception_type`` whatever it is, and decodes the text as if
        the text were the inside of a literal. That fails on many a backslash, and changes all
        letters that are not ASCII.
        """
        if not self.is_remote_exception(result):
            return self._handle_exception(result)
        cls = getattr(result, "exception_type", None)
        if not isinstance(cls, type) or not issubclass(cls, Exception):
            reason = f"{repr_of(cls)} is not an exception class to raise here"
            raise self._remote_error(result, cls, reason)
        exc = self._rebuild(result)
        if isinstance(exc, UnicodeError) or _is_garbled(exc, result.msg):
            exc = self._rebuild_exactly(result.msg, cls) or exc
        if exc is None:
            return None
        if type(exc) is cls and _frames_below(exc) <= 1:
            raise exc
        how = f"rebuilding it failed with {type_name(type(exc))}"
        how = f"{how}: {text_of(exc)}"
        raise self._remote_error(result, cls, how) from exc

    def _rebuild(self, result):
        """Return the exception that the module raises for *result*, None if it does not raise."""
        try:
            self._handle_exception(result)
        except BaseException as exc:
            return exc

    def _rebuild_exactly(self, msg, cls):
        """Do what `_rebuild` does for a text that the module's decoding would change."""
        try:
            escaped = msg.encode("unicode_escape").decode("ascii")
            exc = self._rebuild(self._remote_exception(escaped, cls))
        except BaseException:
            return None
        return exc if type(exc) is cls else None

    def _remote_error(self, result, cls, reason):
        text = getattr(result, "msg", "")
        text = text if isinstance(text, str) else repr_of(text)
        exc = RemoteError(f"{text} [{reason}]")
        get_dict(exc).update(message=text, remote_traceback=text, reason=reason)
        if isinstance(cls, type):
            get_dict(exc).update(
                type_module=type_module(cls),
                type_qualname=type_qualname(cls),
                type_name=type_name(cls),
                mro=tuple(f"{type_module(c)}.{type_qualname(c)}" for c in type_mro(cls)),
            )
        get_dict(exc)[REMOTE] = result
        return exc

    def _save_tables(self):
        return dict(vars(self.tables)) if self.tables is not None else None

    def _restore_tables(self, saved):
        if saved is not None:
            now = vars(self.tables)
            now.clear()
            now.update(saved)


def _handled_by_module(exc):
    """Return the exception that _run_function was handling as *exc* left it.

    The exception is known by its traceback, which starts in the frame of _run_function. The
    traceback of an exception that the user's function caught itself starts further in.
    """
    below = get_traceback(exc).tb_next
    earlier, seen = get_context(exc), set()
    while below is not None and earlier is not None and id(earlier) not in seen:
        seen.add(id(earlier))
        tb = get_traceback(earlier)
        if tb is not None and tb.tb_frame is below.tb_frame:
            return earlier
        earlier = get_context(earlier)
    return exc


def _is_garbled(exc, msg):
    """Tell whether the text of *exc* is what torch's decoding makes of *msg*."""
    try:
        (text,) = get_args(exc)
        return (
            type(text) is str
            and text != msg
            and text == msg.encode().decode("unicode_escape")
        )
    except (AttributeError, TypeError, ValueError):
        return False


def _frames_below(exc):
    """Count the frames of *exc* below our own."""
    count = 0
    tb = get_traceback(exc)
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
        count += 1
    return count


def _text(exc):
    # The form of torch's text, but for the worker's name, which torch does not know without an agent.
    return render(capture(exc))
