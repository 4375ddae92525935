"""Making and changing instances of listed classes, as pickle's NEWOBJ, REDUCE, BUILD, APPENDS and SETITEMS would.

A payload may change only the instances that it has made itself: a class can keep an instance, and
give it to everybody.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from collections import OrderedDict, deque
from _weakref import getweakrefcount
from sys import getrefcount, modules
from types import FunctionType

from .._attributes import checked, checked_args, set_attributes, set_attributes_of_exception, set_slots
from .._introspect import base_of, type_dict, type_module, type_mro
from .enums import is_enum, member_of_value, refuse

#: Classes in C whose ``__new__`` only makes a value of its arguments.
_SAFE = frozenset((object, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset, OrderedDict, deque))
_OF_ONE_VALUE = frozenset((int, float, complex, str, bytes, tuple, frozenset))

#: Classes of extension modules whose ``__new__`` does not initialise memory.
_UNFILLED = ("numpy", "torch")


def _owner(cls, name):
    """Return the class that defines *name* for instances of *cls*, and the attribute; or two Nones."""
    for owner in type_mro(cls):
        namespace = type_dict(owner)
        if name in namespace:
            return owner, namespace[name]
    return None, None


def _made(cls, args, kwargs):
    obj = cls.__new__(cls, *args, **kwargs)
    return obj, getrefcount(obj)


def _called(cls, args):
    obj = cls(*args)
    return obj, getrefcount(obj)


class _Probe:
    pass


# How many references there are to an object that no other code has. The number depends on the version of CPython.
_ALONE_MADE = _made(_Probe, (), {})[1]
_ALONE_CALLED = _called(_Probe, ())[1]


class Instances:
    """Makes the instances that an AllowList, *policy*, lets a payload make."""

    __slots__ = ("_policy",)

    def __init__(self, policy):
        self._policy = policy

    def new(self, cls, args, kwargs):
        """Make an instance that is not changed any more, as NEWOBJ does."""
        self._check_class(cls)
        return cls.__new__(cls, *args, **kwargs)

    def new_to_change(self, cls, args, kwargs):
        """Make an instance whose state comes next."""
        self._check_class(cls)
        obj, references = _made(cls, args, kwargs)
        return _require_own(obj, cls, references > _ALONE_MADE)

    def call_class(self, cls, args):
        """Call a class for an instance whose state comes next, as REDUCE and BUILD do."""
        if not isinstance(cls, type):
            name = f"{getattr(cls, '__module__', '?')}:{getattr(cls, '__qualname__', '?')}"
            raise _forbidden(name, "is no class: what a function returns may be somebody else's, and is not changed")
        obj, references = _called(cls, args)
        return _require_own(obj, cls, references > _ALONE_CALLED)

    def _check_class(self, cls):
        if not isinstance(cls, type):
            raise TypeError("only a class has instances")
        owner, _ = _owner(cls, "__new__")
        if type_module(owner).partition(".")[0] in _UNFILLED and not isinstance(type_dict(owner)["__new__"], (staticmethod, FunctionType)):
            raise refuse(cls, f"gets memory that nobody has filled, of {type_module(owner)}")

    def new_value(self, cls, args, kwargs):
        """Make an instance without any code of its class, by the ``__new__`` of a base that CPython defines."""
        if not isinstance(cls, type):
            raise TypeError("only a class has instances")
        if is_enum(cls):
            raise refuse(cls, "is an enum, whose members are all that there is")
        base = base_of(cls)
        if kwargs:
            raise refuse(cls, "is listed as value:, and its __new__ with named arguments is code")
        fields = _owner(cls, "_fields")[1]
        if base is tuple and type(fields) is tuple and len(args) == len(fields):
            return tuple.__new__(cls, args)  # a named tuple
        if base in _OF_ONE_VALUE:
            if len(args) == 1 and type(args[0]) is base:
                return base.__new__(cls, *args)
        elif base in _SAFE and not args:
            return base.__new__(cls)
        elif issubclass(base, BaseException):
            return base.__new__(cls, *checked_args(base, args))
        raise refuse(cls, "is listed as value:, and making an instance from these arguments is code of its own")

    def value(self, cls, args):
        """Return what a call of a class that is listed as ``value:`` only stands for: a member, or an exception."""
        if is_enum(cls) and len(args) == 1:
            return member_of_value(cls, args[0])
        if isinstance(cls, type) and issubclass(cls, BaseException):
            base = base_of(cls)
            exc = base.__new__(cls, *checked_args(base, args))
            base.__init__(exc, *args)
            return exc
        raise refuse(cls, "is listed as value:, which lets instances in and calls nothing")

    def set_state(self, obj, state):
        """Do what BUILD does, to an instance that this payload has made."""
        cls = type(obj)
        owner, setter = _owner(cls, "__setstate__")
        if owner is BaseException:
            set_attributes_of_exception(obj, {} if state is None else state)
        elif setter is not None:
            self._call_setter(cls, owner, setter, obj, state)
        elif type(state) is tuple and len(state) == 2:
            for part, setting in zip(state, (set_attributes, set_slots)):
                if part is not None:
                    setting(obj, part)
        elif state is not None:
            set_attributes(obj, state)

    def _call_setter(self, cls, owner, setter, obj, state):
        if _is_of_dataclass(setter):
            names = [f.name for f in getattr(cls, "__dataclass_fields__").values()]
            if type(state) not in (list, tuple) or len(state) > len(names):
                raise TypeError(f"the state of {cls.__name__} is a value for each of its fields")
            checked(dict.fromkeys(names))
        elif type(setter) is not FunctionType:
            raise refuse(owner, f"has a __setstate__ in C, which no payload may call, to set the state of {cls.__name__}")
        elif not self._policy.lists(owner):
            raise refuse(owner, f"has a __setstate__ of its own, which takes an entry for that class, to set the state of {cls.__name__}")
        setter(obj, state)

    def extend(self, obj, items):
        """Do what APPENDS does."""
        cls = type(obj)
        for name in ("extend", "append"):
            owner, method = _owner(cls, name)
            if owner is list or owner is deque:
                owner.extend(obj, items)
                return
            if method is None:
                continue
            method = self._own(cls, owner, name, method)
            if name == "extend":
                method(obj, items)
            else:
                for item in items:
                    method(obj, item)
            return
        raise refuse(cls, "takes no elements")

    def update(self, obj, items):
        """Do what SETITEMS does, with pairs of key and value."""
        cls = type(obj)
        owner, method = _owner(cls, "__setitem__")
        if owner is dict or owner is OrderedDict:
            method = owner.__setitem__
        else:
            method = self._own(cls, owner, "__setitem__", method)
        for key, value in items:
            method(obj, key, value)

    def add(self, obj, items):
        """Do what ADDITEMS does."""
        cls = type(obj)
        owner, method = _owner(cls, "add")
        if owner is set:
            set.update(obj, items)
            return
        method = self._own(cls, owner, "add", method)
        for item in items:
            method(obj, item)

    def _own(self, cls, owner, name, method):
        """Return a method that a listed class defines in Python."""
        if type(method) is not FunctionType or not self._policy.lists(owner):
            raise refuse(cls if owner is None else owner, f"has no {name} that the allow-list lets fill an instance of {cls.__name__}")
        return method


def _require_own(obj, cls, known):
    """Return *obj* if it is an instance of *cls* that no other code has."""
    if type(obj) is not cls:
        raise refuse(cls, "gave an instance of another class, which is not changed")
    if known or getweakrefcount(obj):
        raise refuse(cls, "gave an instance that somebody else has too, which is not changed")
    return obj


def _is_of_dataclass(setter):
    """Tell whether *setter* is the ``__setstate__`` that dataclasses gives to frozen classes with slots."""
    dataclasses = modules.get("dataclasses")
    return dataclasses is not None and setter is vars(dataclasses).get("_dataclass_setstate")


def _forbidden(name, why):
    from .._errors import ForbiddenGlobal

    return ForbiddenGlobal(f"{name} {why}", name)
