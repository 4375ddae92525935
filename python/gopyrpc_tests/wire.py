"""One call from end to end, as the numbered cases of torch's outcomes have it.

Caller: serialize a PythonUDF. Callee: Handle.run. Caller: deserialize, handle_exception.
What of this is the caller's may be done with other names in place, see `without`.
"""

from unittest import mock

from gopyrpc._module.handle import make_handle
from gopyrpc.internal import PythonUDF

handle = make_handle()


def send(function, *args, **kwargs):
    return handle.run(*handle.serialize(PythonUDF(function, args, kwargs)))


def receive(result):
    if isinstance(result, bytes):
        result = result, []
    value = handle.deserialize(*result)
    handle.handle_exception(value)
    return value


def call(function, *args, **kwargs):
    return receive(send(function, *args, **kwargs))


def raised(function, *args, **kwargs):
    """Return the exception that the caller sees; a value is a failure of the test."""
    try:
        value = call(function, *args, **kwargs)
    except Exception as exc:
        return exc
    raise AssertionError(f"a value came: {value!r}")


def without(module, name):
    """Take *name* out of *module* for a while: the other side lacks it."""
    patch = mock.patch.object(module, name)
    return _Deleted(patch, module, name)


class _Deleted:
    def __init__(self, patch, module, name):
        self.patch, self.module, self.name = patch, module, name

    def __enter__(self):
        self.patch.start()
        delattr(self.module, self.name)

    def __exit__(self, *exc_info):
        setattr(self.module, self.name, None)
        self.patch.stop()
