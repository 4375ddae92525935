"""The stubs, which type checkers and editors read in the place of the code, say what the code has.

mypy's stubtest compares more, and is a part of scripts/newcomer.sh; these tests need Python alone.
"""

import ast
import importlib
import inspect
import unittest
from enum import Enum
from pathlib import Path

import gopyrpc

PACKAGE = Path(gopyrpc.__file__).parent

# What a stub lacks on purpose: a type checker is to refuse a use of it.
LACKING = {"RRef": {"backward"}}


def public_modules():
    """Return the modules that programs import: name below the package -> file."""
    files = {"": PACKAGE / "__init__.py"}
    files.update((file.stem, file) for file in PACKAGE.glob("*.py") if not file.stem.startswith("_"))
    return files


class Stub:
    """A .pyi file: what it declares at the top level, by name."""

    def __init__(self, file):
        self.declared, self.all = {}, None
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            self.add(node)

    def add(self, node):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.asname == alias.name:  # the form that exports
                    self.declared[alias.name] = [node]
        elif isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            self.all = ast.literal_eval(node.value)
        else:
            for name in names_of(node):
                self.declared.setdefault(name, []).append(node)

    def public(self):
        return {name for name in self.declared if not name.startswith("_")}


def names_of(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets]
    return []


def declared_parameters(node, is_method):
    """Return the parameters of a function in a stub: (name, kind, whether there is a default, the default or None)."""
    args, kinds = node.args, inspect.Parameter
    positional = args.posonlyargs + args.args
    defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
    found = []
    for i, (arg, default) in enumerate(zip(positional, defaults)):
        kind = kinds.POSITIONAL_ONLY if i < len(args.posonlyargs) else kinds.POSITIONAL_OR_KEYWORD
        found.append((arg.arg, kind, default))
    if args.vararg:
        found.append((args.vararg.arg, kinds.VAR_POSITIONAL, None))
    found += [(arg.arg, kinds.KEYWORD_ONLY, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults)]
    if args.kwarg:
        found.append((args.kwarg.arg, kinds.VAR_KEYWORD, None))
    return [(name, kind, d is not None, d and ast.literal_eval(d)) for name, kind, d in found[is_method:]]


def real_parameters(function, is_method):
    parameters = list(inspect.signature(function).parameters.values())[is_method:]
    empty = inspect.Parameter.empty
    return [(p.name, p.kind, p.default is not empty, None if p.default is empty else p.default) for p in parameters]


def is_decorated(node, name):
    return any(isinstance(d, ast.Name) and d.id == name for d in node.decorator_list)


def real_members(cls):
    """Return the names of the public members that a class has of this package."""
    found = set()
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == "gopyrpc":
            found.update(name for name in vars(base) if not name.startswith("_"))
    return found


def modules():
    """Yield every public module, and its stub."""
    for name, file in public_modules().items():
        yield importlib.import_module(f"gopyrpc.{name}".rstrip(".")), Stub(file.with_suffix(".pyi"))


def declarations(kind):
    """Yield what stubs declare of a kind: the name, the real thing, and the node."""
    for module, stub in modules():
        for name, nodes in stub.declared.items():
            for node in nodes:
                if isinstance(node, kind) and hasattr(module, name):
                    yield f"{module.__name__}.{name}", getattr(module, name), node


def methods():
    """Yield the methods that stubs declare: the name, the real thing, and the node."""
    for of, cls, node in declarations(ast.ClassDef):
        for member in node.body:
            if isinstance(member, ast.FunctionDef):
                yield f"{of}.{member.name}", inspect.getattr_static(cls, member.name, None), member


class Stubs(unittest.TestCase):
    def test_every_public_module_has_one(self):
        stubs = {"" if f.stem == "__init__" else f.stem for f in PACKAGE.glob("*.pyi")}
        self.assertEqual(set(public_modules()), stubs)
        self.assertTrue((PACKAGE / "py.typed").exists(), "without it type checkers do not look at the stubs")

    def test_they_have_the_names(self):
        for module, stub in modules():
            with self.subTest(module=module.__name__):
                if hasattr(module, "__all__"):
                    self.assertEqual(sorted(module.__all__), sorted(stub.all), "__all__")
                    self.assertLessEqual(set(module.__all__), stub.public())
                else:
                    own = {n for n, v in vars(module).items() if getattr(v, "__module__", module.__name__) == module.__name__}
                    self.assertEqual({n for n in own if not n.startswith("_")}, stub.public())

    def test_what_they_have_is_there(self):
        for module, stub in modules():
            functions = {name for name, nodes in stub.declared.items() if isinstance(nodes[0], ast.FunctionDef)}
            for name in stub.public() | functions | {"__version__"} & set(stub.declared):
                self.assertTrue(hasattr(module, name), f"{module.__name__} has no {name}")

    def test_functions_take_what_they_say(self):
        for name, function, node in declarations(ast.FunctionDef):
            with self.subTest(function=name):
                self.assertEqual(real_parameters(function, 0), declared_parameters(node, 0))

    def test_methods_take_what_they_say(self):
        for name, real, node in methods():
            with self.subTest(method=name):
                self.assertIsNotNone(real)
                self.assertEqual(isinstance(real, property), is_decorated(node, "property"))
                if not isinstance(real, property):
                    first = 0 if is_decorated(node, "staticmethod") else 1
                    self.assertEqual(real_parameters(getattr(real, "__func__", real), first), declared_parameters(node, first))

    def test_classes_have_the_members(self):
        for name, cls, node in declarations(ast.ClassDef):
            with self.subTest(cls=name):
                if issubclass(cls, Enum):
                    declared = {n.targets[0].id: ast.literal_eval(n.value) for n in node.body}
                    self.assertEqual({name: m.value for name, m in cls.__members__.items()}, declared)
                elif hasattr(cls, "_fields"):
                    self.assertEqual(cls._fields, tuple(n.target.id for n in node.body))
                else:
                    self.assert_members(cls, {n for member in node.body for n in names_of(member)})

    def assert_members(self, cls, declared):
        made = cls.__init__.__code__.co_names if inspect.isfunction(cls.__init__) else ()
        for name in declared:
            self.assertTrue(hasattr(cls, name) or name in made, f"there is no {name}")
        inherited = {name for base in cls.__bases__ for name in real_members(base)}
        lacking = real_members(cls) - inherited - declared - LACKING.get(cls.__name__, set())
        self.assertEqual(lacking, set(), "the stub lacks these")

    def test_classes_have_the_bases(self):
        for name, cls, node in declarations(ast.ClassDef):
            real = {base.__name__ for base in cls.__mro__}
            declared = {base.id for base in node.bases if isinstance(base, ast.Name)} - {"NamedTuple"}
            self.assertLessEqual(declared, real, name)


if __name__ == "__main__":
    unittest.main()
