"""Members of enums, which are found without a call of code that their class defines."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import modules

from .._errors import ForbiddenGlobal
from .._exceptions.fidelity import extent_of
from .._introspect import repr_of, type_dict, type_module, type_qualname


_MAX_PARTS = 10_000  # objects and characters of a member's value; an object in two places counts twice


def is_enum(cls):
    """Tell whether *cls* is an enum with members. A class that the module enum has not made is none."""
    enum = modules.get("enum")
    return enum is not None and isinstance(cls, type) and issubclass(type(cls), enum.EnumMeta)


def refuse(cls, why):
    name = f"{type_module(cls)}:{type_qualname(cls)}"
    return ForbiddenGlobal(f"{name} {why}", name)


def member(cls, name):
    """Return the member of that name."""
    if not is_enum(cls) or name not in type_dict(cls).get("_member_map_", ()):
        raise refuse(cls, f"has no member {name!r}, and value: lets in nothing else by name")
    return type_dict(cls)["_member_map_"][name]


def member_of_value(cls, value):
    """Return the member that has the value."""
    if extent_of(value, _MAX_PARTS) > _MAX_PARTS:  # a hash or a text of such a value could take for ever
        raise refuse(cls, "has no member of so large a value")
    known = type_dict(cls).get("_value2member_map_", {})
    try:
        found = known.get(value)
    except TypeError:  # the value cannot be hashed
        found = None
    if found is not None:
        return found
    for candidate in type_dict(cls).get("_member_map_", {}).values():
        mine = candidate._value_
        if type(mine) is type(value) and mine == value:
            return candidate
    raise refuse(cls, f"has no member of the value {repr_of(value)}")


def together(policy, one, other):
    """Return the flags of both, as CPython 3.11 pickles combined flags."""
    cls = type(one)
    enum = modules.get("enum")
    if not is_enum(cls) or not issubclass(cls, enum.Flag) or not policy.lists(cls):
        raise refuse(cls, "is no flag that the allow-list has")
    if type(other) is cls:
        other = other._value_
    if type(other) is not int:
        raise refuse(cls, "is put together with what is no flag of it")
    return cls(one._value_ | other)
