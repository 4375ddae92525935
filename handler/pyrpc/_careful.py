"""The unpickler for payloads that the C one must not see under an allow-list.

CPython's own pure-Python unpickler, ten times slower, with the instructions
replaced that no ``find_class`` can police. Used only for payloads that have one of
them: see _opcodes.
"""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import pickle
from io import BytesIO
from struct import unpack
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodType,
    ModuleType,
)

from ._errors import ForbiddenGlobal

_UNBUILDABLE = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType)
_MAX_TUPLE_DEPTH = 500


class CarefulUnpickler(pickle._Unpickler):
    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, data, find):
        super().__init__(BytesIO(data))
        self._find = find
        # id -> (object, depth); the object is kept so that its id stays its own.
        self._depths = {}

    def find_class(self, module, name):
        return self._find(module, name)

    def get_extension(self, code):
        # The registry's cache hands out objects that find_class never saw.
        raise ForbiddenGlobal(
            f"extension code {code} is not allowed under an allow-list",
            f"copyreg:{code}",
        )

    def load_build(self):
        """Refuse to set attributes of anything but an instance.

        BUILD could give an allowed function other defaults, or an allowed class
        other methods, for good and for every later call.
        """
        target = self.stack[-2]
        if isinstance(target, _UNBUILDABLE):
            name = getattr(target, "__qualname__", type(target).__name__)
            raise ForbiddenGlobal(
                f"the payload tries to change {name}, which is no instance", name
            )
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build

    def load_bytearray8(self):
        # Read first: the original allocates what the payload claims.
        (length,) = unpack("<Q", self.read(8))
        if length > 1 << 62:
            raise pickle.UnpicklingError("BYTEARRAY8 exceeds system's maximum size")
        self.append(bytearray(self.read(length)))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def _note_depth(self, parts):
        """Bound the nesting of the tuple on top: hash() would recurse into it."""
        depths = self._depths
        depth = 1 + max([depths[id(p)][1] for p in parts if id(p) in depths] or [0])
        if depth > _MAX_TUPLE_DEPTH:
            raise pickle.UnpicklingError("tuples nested too deeply")
        top = self.stack[-1]
        if isinstance(top, tuple):
            depths[id(top)] = top, depth


def _bounded(code, from_args):
    """Make the handler of an instruction that can leave a tuple on the stack."""
    original = pickle._Unpickler.dispatch[code]

    def handler(self):
        args = self.stack[-1] if from_args and self.stack else None
        original(self)
        top = self.stack[-1]
        if isinstance(top, tuple):
            self._note_depth(top if args is None else args)

    return handler


for _name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
    _code = getattr(pickle, _name)[0]
    CarefulUnpickler.dispatch[_code] = _bounded(_code, False)
for _name in ("NEWOBJ", "REDUCE"):
    _code = getattr(pickle, _name)[0]
    CarefulUnpickler.dispatch[_code] = _bounded(_code, True)
