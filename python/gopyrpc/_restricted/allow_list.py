"""What may be called: the half of an allow-list that is Python's.

Go reads a payload first, and refuses what no entry can cover: see handler/policy.
Python decides whether a name leads to what its entry means. With ``from
subprocess import run`` in a module ``jobs``, an entry ``jobs`` covers what the module
defines and not ``jobs:run``, and only Python knows which is which.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from functools import lru_cache
from sys import modules
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    ModuleType,
    WrapperDescriptorType,
)

from .._errors import ForbiddenGlobal
from .._introspect import text_of, type_dict, type_is_static, type_module, type_mro, type_name, type_qualname
from .._name import INTERNAL, RESTRICTED
from .._tensors.torch_access import is_script_function, script_function_name
from .canonical import Names
from .enums import is_enum
from .standins import make_standins

#: What canonical pickles may refer to whatever is listed. Go makes sure that each name
#: is called as pickle writes it, or stands as a value.
DEFAULT_ALLOWED = frozenset(
    f"{INTERNAL}:{name}"
    for name in """
    DeserializeError ForbiddenGlobal InvalidDestination NoSuchOverload NotAFuture PythonUDF RemoteError RemoteTraceback
    RpcConnectionError RpcError RpcTimeoutError SerializeAttributeError SerializeError
    SerializePicklingError SerializeTypeError UnknownWorker UnpicklableValue WorkerInfo _call_method
    _check_value
    _receive_leaf _receive_named _receive_parameter _receive_quantized _receive_rref
    _receive_sparse _receive_sparse_compressed _receive_strided _receive_subclass
    _receive_tensor _type_of_value
    """.split()
) | frozenset(
    """
    builtins:Ellipsis builtins:NotImplemented builtins:bool builtins:bytearray
    builtins:bytes builtins:complex builtins:dict builtins:float
    builtins:frozenset builtins:int builtins:list builtins:object builtins:range
    builtins:set builtins:slice builtins:str builtins:tuple
    collections:Counter collections:OrderedDict collections:defaultdict
    collections:deque datetime:date datetime:datetime datetime:time
    datetime:timedelta datetime:timezone decimal:Decimal uuid:UUID
    """.split()
) | frozenset(
    f"builtins:{name}"
    for name, value in __builtins__.items()
    if isinstance(value, type) and issubclass(value, BaseException)
)

_Cached = type(lru_cache(len))

_METHODS = frozenset(
    (FunctionType, BuiltinFunctionType, staticmethod, classmethod)
    + (MethodDescriptorType, ClassMethodDescriptorType, WrapperDescriptorType)
)


class AllowList:
    """What peers may name, besides DEFAULT_ALLOWED. Immutable; any thread may use it.

    Entries are ``module`` (what that module *defines*, not what it imports),
    ``package.*`` (the same for every module below the package),
    ``module:qualname`` (exactly that name), ``module:Prefix*`` (what the module
    defines under a qualname with that prefix), ``value:module:Class`` (instances of
    exactly that class, for which nothing is called). Any other entry is a ValueError or TypeError,
    for which Go has a better text.
    """

    def __init__(self, entries=()):
        if isinstance(entries, (str, bytes)):
            raise TypeError("entries must be a collection of str, not one str")
        self._exact = set()
        self._modules = set()
        self._packages = []
        self._prefixes = []
        self._values = set()
        self._classes = set()  # the classes to which exact entries have led
        self._standins = None
        self.entries = tuple(entries)
        for entry in self.entries:
            self._add(entry)

    def __repr__(self):
        return f"AllowList({list(self.entries)!r})"

    def _add(self, entry):
        if not isinstance(entry, str):
            raise TypeError(f"allow-list entry must be a str: {entry!r}")
        value = entry.startswith("value:")
        module, colon, name = entry[6 * value :].partition(":")
        package = not colon and module.endswith(".*")
        plain = module[:-2] if package else module
        stem = name[:-1] if name.endswith("*") else name
        good = all(part.isidentifier() for part in plain.split("."))
        if colon:
            good = good and bool(name) and "*" not in stem and ":" not in stem
        if not good:
            raise ValueError(
                f"bad allow-list entry {entry!r}: expected module, package.*,"
                " module:qualname or module:Prefix*"
            )
        if value:
            if not name or stem != name:
                raise ValueError(f"bad allow-list entry {entry!r}: value: takes exactly one class")
            self._values.add(f"{module}:{name}")
        elif package:
            self._packages.append(plain + ".")
        elif not colon:
            self._modules.add(module)
        elif stem == name:
            self._exact.add(entry)
        else:
            self._prefixes.append((module, stem))

    def _is_exact(self, module, name):
        """Tell whether this very name is listed, so that aliases are meant."""
        key = f"{module}:{name}"
        return key in self._exact or key in DEFAULT_ALLOWED

    def _is_listed(self, module, name):
        """Tell whether an entry covers the name as something defined there."""
        return (
            module in self._modules
            # The import of a package's __main__ runs the package's program.
            or any(module.startswith(p) and not module.endswith(".__main__") for p in self._packages)
            or any(module == m and name.startswith(p) for m, p in self._prefixes)
        )

    def permits_class(self, module, qualname):
        """Tell whether the name may be looked up as an exception class."""
        try:
            find = self.find_value if f"{module}:{qualname}" in self._values else self.find
            return isinstance(find(module, qualname), type)
        except BaseException:  # the module may raise anything when it is imported
            return False

    def lists(self, cls):
        """Tell whether an entry lets the functions of a class run."""
        return cls in self._classes or self._is_listed(type_module(cls), type_qualname(cls))

    def given(self, text, watched=None):
        """Return the object that stands beside a canonical pickle, by the name that Go gives it.

        The name is ``module:qualname``, ``value:module:qualname`` for a class of which
        only instances are let in, or ``gopyrpc.restricted:name`` for a stand-in. *watched*
        gets the place where the object was found: (namespace, name, object).
        """
        module, _, name = text.partition(":")
        if module == RESTRICTED:
            if self._standins is None:
                self._standins = make_standins(self)
            return self._standins[name]
        if module == "value":
            return self.find_value(*name.split(":"), watched)
        return self.find(module, name, watched)

    def make_names(self, names):
        """Return the Names of canonical pickles that refer to *names*, in order."""
        return Names(self, names)

    def find_value(self, module, name, watched=None):
        """Return a class whose instances are let in, or raise ForbiddenGlobal."""
        if f"{module}:{name}" not in self._values:
            raise _forbidden(module, name, "is not on the allow-list as value:")
        cls = _import_and_walk(module, name, watched)
        if not isinstance(cls, type):
            raise _forbidden(module, name, "is no class, of which value: lets instances in")
        return cls

    def find(self, module, name, watched=None):
        """Return the global, or raise ForbiddenGlobal. A module is imported only if it is listed."""
        exact = self._is_exact(module, name)
        if not exact and not self._is_listed(module, name):
            raise _forbidden(module, name, "is not on the allow-list")
        key = f"{module}:{name}"
        if key in DEFAULT_ALLOWED and key not in self._exact:
            watched = None
        found = _import_and_walk(module, name, watched, exact)
        if not exact and not _defines(module, name, found):
            raise _forbidden(module, name, "is not defined in that module")
        if exact and key in self._exact and isinstance(found, type):
            self._classes.add(found)
        return found

    def attribute(self, obj, name):
        """Return what a payload's getattr stands for: `method`, or the member of an enum by its name.

        No other attribute of a class is returned, as it may belong to other code.
        """
        if is_enum(obj) and type(name) is str and name in type_dict(obj).get("_member_map_", ()):
            if self.lists(obj) or self._is_named(type_module(obj), f"{type_qualname(obj)}.{name}"):
                return type_dict(obj)["_member_map_"][name]
        return self.method(obj, name)

    def to_call(self, found):
        """Return what `attribute` found in a form that a payload may call. The call of a member is its class's ``__call__``."""
        return self.method(found, "__call__") if is_enum(type(found)) else found

    def _is_named(self, module, name):
        return f"{module}:{name}" in self._exact or self._is_listed(module, name)

    def method(self, obj, name):
        """Return a bound method of *obj*: a function that a listed class itself defines.

        A special method may do more than its class meant for peers, and is returned only where
        an entry has its exact name. Attributes of the instance do not count.
        """
        cls = obj if isinstance(obj, type) else type(obj)
        for owner in type_mro(cls):
            if type(name) is str and name in type_dict(owner):
                return self._method(obj, cls, owner, name)
        raise _forbidden("builtins", "getattr", f"may not fetch {text_of(name)!r}")

    def _method(self, obj, cls, owner, name):
        """Bind *name* of *owner*."""
        raw = type_dict(owner)[name]
        module, qualname = owner.__module__, f"{owner.__qualname__}.{name}"
        exact = f"{module}:{qualname}" in self._exact
        if exact or self._is_listed(module, qualname):
            if _is_method(raw) if exact else not name.startswith("__") and _defines_method(owner, raw, module, qualname):
                return raw if type(raw) is BuiltinFunctionType else raw.__get__(None if obj is cls else obj, cls)
        raise _forbidden(module, qualname, "is not a method on the allow-list")


def _import_and_walk(module, name, watched, late=True):
    """Import a module, and return what it has under a name. Dots lead through classes.

    Unless *late*, a name that the module's own ``__getattr__`` would make, as for lazy
    imports, does not exist.
    """
    if not all(part.isidentifier() for part in f"{module}.{name}".split(".")):
        raise _forbidden(module, name, "is not a name")
    __import__(module)
    found = _walk(modules[module], module, name, late)
    if watched is not None:
        home = modules[module]
        watched.append((modules, module, home))
        if "." in name:
            watched.append((_Walker(home, module, late), name, found))
        else:
            watched.append((vars(home), name, found))
    return found


class _Walker:
    """The namespace of the dotted names of a module."""

    __slots__ = ("_home", "_module", "_late")

    def __init__(self, home, module, late):
        self._home = home
        self._module = module
        self._late = late

    def get(self, name):
        try:
            return _walk(self._home, self._module, name, self._late)
        except (AttributeError, ForbiddenGlobal):
            return None


def _walk(module, module_name, name, late):
    """Follow a dotted *name*: through classes only, never through ``__x__``."""
    found = module
    parts = name.split(".")
    for part in parts:
        if found is not module and not isinstance(found, type):
            raise _forbidden(module_name, name, "leads through something not a class")
        if part.startswith("__") and len(parts) > 1:
            raise _forbidden(module_name, name, "leads through a special attribute")
        if found is module and not late and part not in vars(module):
            raise AttributeError(f"module {module_name!r} has no attribute {part!r}")
        found = getattr(found, part) if late or found is module else _attribute(found, part)
    if isinstance(found, ModuleType):
        raise _forbidden(module_name, name, "is a module")
    return found


def _attribute(cls, name):
    """Return what *cls* has under a name, and run no code of a metaclass or a descriptor."""
    for owner in type_mro(cls):
        namespace = type_dict(owner)
        if name in namespace:
            raw = namespace[name]
            kind = type(raw)
            if not hasattr(kind, "__get__"):
                return raw
            if type_is_static(kind) or kind is _Cached:
                return raw.__get__(None, cls)
            break
    raise AttributeError(f"class {type_name(cls)} has no attribute {name!r} that is a function's or a class's own")


def _defines(module, name, obj):
    """Tell whether *obj* was defined as *module*.*name*, and not imported or aliased.

    Instances have no ``__qualname__``: partials, getters and clients that a module
    keeps among its globals are not covered by an entry for the module. Functions that
    torch.jit.script has made have none either: torch says what they were made of.
    """
    if is_script_function(type(obj)):
        return script_function_name(obj) == (module, name)
    return (
        getattr(obj, "__module__", None) == module
        and getattr(obj, "__qualname__", None) == name
    )


def _is_method(raw):
    """Tell whether what a class has under a name can be called, and is no property or other data."""
    return type(raw) in _METHODS


def _defines_method(owner, raw, module, qualname):
    """Tell whether *raw* of the class *owner* is a method that was defined there, and not imported or aliased."""
    if type(raw) in (MethodDescriptorType, ClassMethodDescriptorType):
        return raw.__objclass__ is owner
    function = raw.__func__ if type(raw) in (staticmethod, classmethod) else raw
    return type(function) is FunctionType and _defines(module, qualname, function)


def _forbidden(module, name, why):
    name = f"{module}:{name}"
    return ForbiddenGlobal(f"{name} {why}", name)
