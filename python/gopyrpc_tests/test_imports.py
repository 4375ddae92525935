"""The modules of the package import downwards: there is no circle among them, nor among the sub-packages."""

import ast
import unittest
from pathlib import Path

import gopyrpc

PACKAGE = Path(gopyrpc.__file__).parent


def modules():
    """Return the package's modules: dotted name below the package -> (file, its package)."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        package = parts[:-1]
        found[".".join(package if parts[-1] == "__init__" else parts)] = file, package
    return found


def imports(name, known):
    """Return the modules that a module imports, anywhere in it."""
    file, package = known[name]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1] + tuple(node.module.split(".") if node.module else ())
            for alias in node.names:
                inner = ".".join((*base, alias.name))
                found.add(inner if inner in known else ".".join(base))
    return found & set(known)


def circle_in(graph):
    """Return a circle of *graph*, as a list that begins and ends with the same, or None."""
    over = set()

    def visit(node, path):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in over:
            return None
        for other in sorted(graph[node]):
            found = visit(other, [*path, node])
            if found:
                return found
        over.add(node)
        return None

    for node in sorted(graph):
        found = visit(node, [])
        if found:
            return found
    return None


class Imports(unittest.TestCase):
    def test_no_circle_of_modules(self):
        known = modules()
        graph = {name: imports(name, known) for name in known}
        self.assertIn("_introspect", graph["_exceptions.capture"])
        self.assertIsNone(circle_in(graph))

    def test_no_circle_of_sub_packages(self):
        known = modules()
        graph = {}
        for name in known:
            room = name.partition(".")[0]
            graph.setdefault(room, set()).update(i.partition(".")[0] for i in imports(name, known))
        for room, others in graph.items():
            others.discard(room)
        self.assertIsNone(circle_in(graph))

    def test_tests_go_by_what_they_test(self):
        """test_ROOM_what.py is about the sub-package or module _ROOM; cases are torch's, vectors are files, stubs .pyi; distribution is the wheel."""
        rooms = {name.partition(".")[0].lstrip("_") for name in modules()} | {"cases", "vectors", "imports", "stubs", "distribution"}
        for file in Path(__file__).parent.glob("test_*.py"):
            self.assertIn(file.stem.split("_")[1], rooms, file.name)

    def test_a_circle_is_found(self):
        self.assertEqual(circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}), ["b", "c", "b"])


if __name__ == "__main__":
    unittest.main()
