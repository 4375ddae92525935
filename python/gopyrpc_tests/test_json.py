"""Values as JSON: the vectors, both ways, and what has no form of its own."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import pathlib
import types
import unittest
import uuid
import warnings

try:
    import numpy
except ImportError:
    numpy = None
try:
    import pandas
except ImportError:
    pandas = None
try:
    import torch
except ImportError:
    torch = None
try:
    import zoneinfo

    zoneinfo.ZoneInfo("Europe/Berlin")
except Exception:  # without the time zone database
    zoneinfo = None

from gopyrpc._json import forms
from gopyrpc._json.dump import MAX_DEPTH, Opaque, dumps
from gopyrpc._json.load import _TAGS, loads

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "vectors" / "json"
NAMES = {
    name: globals()[name]
    for name in "collections datetime decimal enum fractions math numpy pathlib torch types uuid zoneinfo".split()
}
HAVE = {None: True, "numpy": numpy, "torch": torch, "tzdata": zoneinfo}


def exact(text):
    """What JSON says, so that 1 and 1.0, and -0.0 and 0.0, differ."""
    return json.loads(text, parse_float=lambda digits: ("float", repr(float(digits))))


def same(a, b):
    return type(a) is type(b) and (repr(a) == repr(b) or a == b) and dumps(a) == dumps(b)


@unittest.skipUnless(VECTORS.is_dir(), "only in a checkout: the vectors are not there")
class Vectors(unittest.TestCase):
    def setUp(self):
        catcher = warnings.catch_warnings()
        catcher.__enter__()
        self.addCleanup(catcher.__exit__, None, None, None)
        warnings.simplefilter("ignore")  # of torch, about its own beta features

    def each(self):
        for vector in json.loads((VECTORS / "values.json").read_text("utf-8")):
            if HAVE[vector.get("needs")]:
                with self.subTest(vector["python"]):
                    yield eval(vector["python"], NAMES), json.dumps(vector["json"]), vector.get("opaque", False)

    def test_written(self):
        for value, text, _ in self.each():
            written = dumps(value)
            self.assertEqual(exact(written), exact(text))
            self.assertNotIn("\n", written)
            written.encode()

    def test_read(self):
        for value, text, opaque in self.each():
            read = loads(text)
            self.assertEqual(exact(dumps(read)), exact(text))
            if opaque:
                self.assertIsInstance(read, Opaque)
            else:
                self.assertTrue(same(read, value), (read, value))
                self.assertTrue(same(loads(dumps([value, {"k": value}]))[1]["k"], value))

    def test_refused(self):
        for text in json.loads((VECTORS / "refused.json").read_text("utf-8")):
            with self.subTest(text), self.assertRaises(ValueError):
                loads(text)
        self.assertRaises(ValueError, loads, "[" * 100_000 + "]" * 100_000)

    def test_refused_arrays(self):
        bodies = [
            {"dtype": int, "shape": [1], "data": [1.7]}, {"dtype": int, "shape": [1], "data": [True]},
            {"dtype": int, "shape": [1], "data": ["5"]}, {"dtype": float, "shape": [1], "data": [1]},
            {"dtype": int, "shape": [-1], "data": [1]}, {"dtype": int, "shape": [2], "data": [1]},
            {"dtype": int, "shape": [-1, -1], "data": [1]}, {"dtype": int, "shape": 1, "data": [1]},
            {"dtype": int, "shape": [1], "data": 1}, {"dtype": int, "shape": [1], "data": [1], "x": 1},
            {"dtype": int, "shape": [1], "data": [1], "requires_grad": 1}, {"dtype": 5, "shape": [1], "data": [1]},
            {"dtype": "jit", "shape": [1], "data": [1]}, {"shape": [1], "data": [1]}, 5, "npy",
            {"dtype": int, "shape": [1], "data": [{"$int": str(1 << 99)}]},
        ]
        for tag, library, names in (
            ("$ndarray", numpy, {int: "<i8", float: "<f8"}), ("$tensor", torch, {int: "int64", float: "float32"}),
        ):
            for body in bodies if library is not None else ():
                if type(body) is dict and "dtype" in body:
                    body = {**body, "dtype": names.get(body["dtype"], body["dtype"])}
                with self.subTest(tag=tag, body=body), self.assertRaises(ValueError):
                    loads(json.dumps({tag: body}))

    def test_every_tag_has_a_vector(self):
        text = (VECTORS / "values.json").read_text("utf-8")
        self.assertEqual([tag for tag in _TAGS if f'"{tag}": ' not in text], [])

    def test_document(self):
        table = (VECTORS.parents[2] / "JSON.md").read_text("utf-8")
        self.assertEqual([tag for tag in _TAGS if f'{{"{tag}": ' not in table], [])


class Fields(collections.namedtuple("Fields", "x y")):
    pass


@dataclasses.dataclass
class Record:
    x: int
    y: list


class Noted(list):
    def __iter__(self):
        raise ValueError("overridden")


class Hostile:
    __module__ = "numpy"
    __qualname__ = "ndarray"

    def __repr__(self):
        raise KeyError(1)


class Never(datetime.datetime):
    def isoformat(self):
        return "never"


class Unnamed:
    def __repr__(self):
        return "Unnamed()"


class Text(str):
    def __str__(self):
        return "overridden"


class Opaques(unittest.TestCase):
    """What the table lacks is described, whatever it is: the function has run."""

    def body(self, value):
        written = json.loads(dumps(value))
        self.assertEqual(list(written), ["$object"])
        self.assertEqual(dumps(loads(dumps(value))), dumps(value))
        return written["$object"]

    def test_subclasses(self):
        noted = Noted([1])
        noted.note = {1}
        name = __name__ + "."
        for value, body in (
            (Fields(1, (2,)), {"type": name + "Fields", "value": {"x": 1, "y": {"$tuple": [2]}}}),
            (Record(1, [2.5]), {"type": name + "Record", "value": {"x": 1, "y": [2.5]}}),
            (noted, {"type": name + "Noted", "value": [1], "attributes": {"note": {"$set": [1]}}}),
            (Text("text"), {"type": name + "Text", "value": "text"}),
            (collections.Counter("aab"), {"type": "collections.Counter", "value": {"a": 2, "b": 1}}),
            (enum.IntEnum("E", "A").A, {"type": name + "E", "name": "A", "value": 1}),
        ):
            self.assertEqual(self.body(value), body)

    def test_are_as_many_as_they_were(self):
        kind = enum.Enum("E", "A B")
        for value in (
            {math.nan, float("nan")}, {math.nan: 1, float("nan"): 2}, {kind.A, kind.B}, {kind.A: 1, (kind.B,): 2},
            {Unnamed(), Unnamed()}, {Unnamed(): 1, Unnamed(): 2},
        ):
            with self.subTest(dumps(value)):
                self.assertEqual(len(loads(dumps(value))), 2)
                self.assertEqual(dumps(loads(dumps(value))), dumps(value))

    def test_hostile(self):
        body = {"type": "numpy.ndarray", "repr": "<numpy.ndarray whose repr raised KeyError>"}
        self.assertEqual(self.body(Hostile()), body)

    def test_not_rebuilt_rightly(self):
        mez = datetime.timezone(datetime.timedelta(hours=1), "MEZ")
        self.assertIn("MEZ", self.body(datetime.datetime(2026, 11, 30, tzinfo=mez))["repr"])
        self.assertEqual(list(self.body(Never(2026, 11, 30))), ["type", "repr"])
        if numpy is not None:
            self.assertEqual(self.body(numpy.str_("a\0"))["value"], "a\0")
            self.assertEqual(self.body(numpy.bytes_(b"a\0"))["value"], {"$bytes": "YQA="})
            self.assertIn("--", self.body(numpy.ma.array([1, 2], mask=[0, 1]))["repr"])
        if torch is not None:
            self.assertIn("sparse", self.body(torch.eye(2).to_sparse())["repr"])

    @unittest.skipIf(pandas is None, "pandas is not installed")
    def test_frames_are_whole(self):
        frame = pandas.DataFrame({"a": range(1000), "b": [1.5] * 1000})
        body = self.body(frame)["value"]
        self.assertEqual(body["columns"], ["a", "b"])
        self.assertEqual(len(body["index"]), 1000)
        self.assertEqual(body["data"][999], [999, 1.5])
        self.assertEqual(body["dtypes"], ["int64", "float64"])
        body = self.body(frame["a"])["value"]
        self.assertEqual((body["name"], len(body["data"]), body["dtype"]), ("a", 1000, "int64"))

    def test_inside_of_itself(self):
        value = [1]
        value.append({"self": value})
        inner = json.loads(dumps(value))[1]["self"]
        self.assertEqual(inner, {"$object": {"type": "list", "repr": "[1, {'self': [...]}]"}})
        shared = [1]
        self.assertEqual(dumps([shared, shared]), "[[1],[1]]")

    def test_deep(self):
        value = fits = 0
        for _ in range(MAX_DEPTH):
            fits = {1: fits}
        self.assertEqual(loads(dumps(fits)), fits)
        for _ in range(100_000):
            value = [value]
        self.assertIn('"$object":{"type":"list","repr":', dumps(value))

    def test_imports_nothing(self):
        """A value of a library can only be there if the library is."""
        for name in forms.FORMS:
            self.assertTrue(callable(forms.FORMS[name]))
        source = pathlib.Path(forms.__file__).read_text("utf-8")
        self.assertNotIn("\nimport numpy", source)
        self.assertNotIn("\nimport torch", source)


if __name__ == "__main__":
    unittest.main()
