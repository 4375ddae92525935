"""Which attributes an instance from a restricted peer may get, and how the attributes are set."""

from ._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from sys import getrefcount
from types import MemberDescriptorType

from ._errors import ForbiddenGlobal
from ._introspect import base_of, get_dict, type_dict, type_is_static, type_module, type_mro, type_qualname

#: The fields that exceptions keep in C and pickle in their state.
_FIELDS_OF_EXCEPTIONS = frozenset(("name", "path", "name_from", "args"))
_NUMBERS = frozenset(("start", "end", "characters_written"))

_SEQUENCES = (list, tuple)
_OF_A_SEQUENCE = (SyntaxError, __builtins__.get("BaseExceptionGroup", SyntaxError))
_UNICODE_ERRORS = (UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError)


def is_forbidden(name):
    """Tell whether Python or a library may ask an instance for the attribute, to learn what the instance is or where its memory is.

    Such are ``__class__``, ``__reduce_ex__``, ``__module__``, ``__array_interface__``. A
    payload that set them would decide what happens when the instance is copied, pickled
    or shown. The notes of an exception are text, and allowed. Go has the same rule.
    """
    return (name.startswith("__") and name.endswith("__") and len(name) > 4 and name != "__notes__") or name == "_as_parameter_"


def checked(attributes):
    """Return *attributes* if it is a dict that an instance may get."""
    if type(attributes) is not dict:
        raise TypeError(f"the attributes of an instance are a dict, not {type(attributes).__name__}")
    for name in attributes:
        if type(name) is not str:
            raise TypeError("the name of an attribute is a str")
        if is_forbidden(name):
            raise ForbiddenGlobal(f"the payload sets an attribute {name}, which has a meaning to Python, of an instance", name)
    return attributes


def set_attributes(obj, attributes):
    """Put *attributes* into the dict of an instance. No code of the instance's class runs."""
    attributes = checked(attributes)
    if not attributes:
        return
    namespace, references = _namespace(obj)
    if type(namespace) is not dict:
        raise TypeError(f"an instance of {type(obj).__name__} has no dict of attributes")
    _require_own(obj, references)
    namespace.update(attributes)


def _namespace(obj):
    namespace = object.__getattribute__(obj, "__dict__")
    return namespace, getrefcount(namespace)


def _namespace_of_exception(exc):
    namespace = get_dict(exc)
    return namespace, getrefcount(namespace)


def _require_own(obj, references):
    """Raise where an instance shares its attributes with other instances, as a class may arrange: such attributes are not the payload's."""
    if references > _ALONE:
        where = f"{type_module(type(obj))}:{type_qualname(type(obj))}"
        raise ForbiddenGlobal(f"{where} gave an instance whose attributes others have too, which are not changed", where)


class _Probe:
    pass


# How many references there are to a dict that only its instance has. The number depends on the version of CPython.
_ALONE = max(_namespace(_Probe())[1], _namespace_of_exception(Exception())[1])


def set_slots(obj, attributes):
    """Set the slots that a class names in its ``__slots__``, and no attribute that has a descriptor of another kind."""
    for name, value in checked(attributes).items():
        _slot(type(obj), name).__set__(obj, value)


def _slot(cls, name):
    for owner in type_mro(cls):
        namespace = type_dict(owner)
        if name in namespace:
            slot = namespace[name]
            if type(slot) is MemberDescriptorType and not type_is_static(owner) and "__slots__" in namespace:
                return slot
            break
    where = f"{type_module(cls)}:{type_qualname(cls)}"
    raise ForbiddenGlobal(f"{where} has no slot {name}, which the payload sets", where)


def set_attributes_of_exception(exc, attributes):
    """Do what ``BaseException.__setstate__`` does, with checks of the fields whose values could do harm."""
    base = base_of(type(exc))
    namespace, references = _namespace_of_exception(exc)
    _require_own(exc, references)
    for name, value in checked(attributes).items():
        field = getattr(base, name, None) if name in _FIELDS_OF_EXCEPTIONS else None
        if hasattr(type(field), "__set__"):
            field.__set__(exc, checked_field(name, value))
        else:
            namespace[name] = checked_field(name, value)


def checked_field(name, value):
    """Return *value* if an exception may have it under *name*. Values that CPython would iterate or convert have to be plain."""
    if name == "args" and type(value) is not tuple:
        raise TypeError("the args of an exception are a tuple")
    if name == "__notes__" and not (type(value) in _SEQUENCES and all(type(note) is str for note in value)):
        raise TypeError("the notes of an exception are a list of texts")
    if name in _NUMBERS and type(value) is not int:
        raise TypeError(f"{name} of an exception is an int")
    return value


def checked_args(base, args):
    """Return *args*, a tuple, if the exception class *base*, which is written in C, makes nothing large of them and calls nothing.

    Some classes make a tuple of a range, or copy an array. Go has the same rule.
    """
    if issubclass(base, _OF_A_SEQUENCE):
        good = len(args) < 2 or type(args[1]) in _SEQUENCES
    elif issubclass(base, _UNICODE_ERRORS):
        good = all(type(number) is int for number in args[-3:-1])
        good = good and (len(args) < 2 or not issubclass(base, UnicodeDecodeError) or type(args[1]) in (bytes, bytearray))
    elif issubclass(base, OSError):
        good = len(args) < 3 or not hasattr(type(args[2]), "__index__") or type_is_static(type(args[2]))
    else:
        good = True
    if not good:
        raise TypeError(f"{base.__name__} takes no such arguments from a peer")
    return args
