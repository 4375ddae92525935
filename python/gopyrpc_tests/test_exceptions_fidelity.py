"""Exceptions that arrive say what they said where they were raised."""

import pickle
import sys
import unittest
from unittest import mock

from gopyrpc import internal
from gopyrpc._errors import UnpicklableValue
from gopyrpc.internal import RemoteError, RpcConnectionError, RpcError, RpcTimeoutError

from . import faithful_targets as targets
from .test_exceptions import over_the_wire, raised, raised_by, remote, throw


def notes_of(exc):
    return getattr(exc, "__notes__", [])


class TextThatFails(unittest.TestCase):
    def test_str_needs_what_does_not_travel(self):
        got = raised_by(targets.Locked("broken pipe"))
        self.assertIs(type(got), RemoteError)
        self.assertEqual(got.type_name, f"{targets.__name__}.Locked")
        self.assertEqual(got.message, "broken pipe")
        self.assertRegex(got.reason, "its str\\(\\) fails here with .*; its lock could not travel$")
        self.assertIn("broken pipe", str(got))

    def test_repr_needs_what_does_not_travel(self):
        got = raised_by(targets.LockedRepr("text"))
        self.assertIs(type(got), RemoteError)
        self.assertRegex(got.reason, "its repr\\(\\) fails here")

    def test_a_text_without_what_does_not_travel(self):
        got = raised_by(targets.Unlocked("text"))
        self.assertIs(type(got), targets.Unlocked)
        self.assertEqual((str(got), notes_of(got)), ("text", []))

    def test_in_the_chain(self):
        got = raised(targets.raise_of_cause)
        # Its own text needs an attribute of a cause that is a RemoteError now.
        self.assertIs(type(got), RemoteError)
        self.assertEqual(got.message, "taken by its lock")
        self.assertIs(type(got.__cause__), RemoteError)
        self.assertEqual(got.__cause__.message, "its lock")

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups are of 3.11")
    def test_in_a_group(self):
        group = ExceptionGroup("g", [KeyError("k"), targets.Locked("in it")])  # noqa: F821
        got = raised_by(group)
        self.assertIs(type(got), type(group))
        self.assertEqual([type(e) for e in got.exceptions], [KeyError, RemoteError])
        self.assertEqual(got.exceptions[1].message, "in it")

    def test_hostile_text_at_the_caller(self):
        for here in (SystemExit(3), KeyboardInterrupt(), RecursionError("deep"), 5):
            result = remote(throw, targets.Unsteady("x"))
            with self.subTest(repr(here)), mock.patch.object(targets.Unsteady, "here", here):
                got = result.to_exception()
                self.assertIs(type(got), RemoteError)
                self.assertEqual(got.message, "there")
        with mock.patch.object(targets.Unsteady, "here", targets.BadEq("other")):
            got = result.to_exception()
            self.assertEqual(notes_of(got), [f"Its text on {result.worker} was: there"])

    def test_text_that_failed_there_too(self):
        with mock.patch.object(targets.Unsteady, "here", ValueError("v")):
            result = remote(throw, targets.Unsteady("x"))
            self.assertIs(type(result.to_exception()), targets.Unsteady)
        got = result.to_exception()
        self.assertIs(type(got), targets.Unsteady)
        self.assertEqual(notes_of(got), [])

    def test_chain_of_many_that_fail(self):
        exc = targets.Locked("0")
        for i in range(1, 30):
            following = targets.Picky(str(i))
            following.__cause__, exc = exc, following
        got = raised_by(exc)
        self.assertEqual(got.args, ("29",))
        for _ in range(29):  # all are there and linked, though not all were looked at
            got = got.__cause__
        self.assertEqual((type(got), got.message), (RemoteError, "0"))


Interrupted = type("Interrupted", (BaseException,), {"__module__": "gopyrpc"})  # the bridge's, in a process with one


class Interruption(unittest.TestCase):
    def test_while_a_text_is_read(self):
        for texts in ([Interrupted()], ["there", Interrupted()]):  # of the check, and of the note
            result = remote(throw, targets.Unsteady("x"))
            reads = mock.Mock(side_effect=texts)
            with mock.patch.object(targets.Unsteady, "__str__", lambda exc: reads()):
                self.assertRaises(Interrupted, result.to_exception)
            self.assertEqual(str(result.to_exception()), "there")

    def test_while_it_is_loaded(self):
        def interrupt(*_):
            raise Interrupted

        result = remote(throw, targets.Unsteady("x"))
        result.record["errors"][0]["args"] = pickle.dumps((targets.Made(),))
        with mock.patch.object(targets, "make", interrupt):
            self.assertRaises(Interrupted, result.to_exception)
        result.record["errors"][0]["qualname"] = "Missing"
        with mock.patch.object(targets, "__getattr__", interrupt, create=True):
            self.assertRaises(Interrupted, result.to_exception)


def shared(levels, around=lambda inner: [inner, inner], inner=1):
    """Return what is as many objects as *levels*, and whose text has 2**levels parts."""
    for _ in range(levels):
        inner = around(inner)
    return inner


def with_args(exc, *args):
    """Return the exception that arrives where a peer says that *exc* has *args*."""
    result = remote(throw, exc)
    result.record["errors"][0]["args"] = pickle.dumps(args)
    return result.to_exception()


class TextThatIsLong(unittest.TestCase):
    """Receiving an exception takes no longer than what arrives is long: each of these would take years."""

    def test_of_shared_objects(self):
        for exc in (ValueError("x"), KeyError("x"), targets.Unsteady("x"), targets.OfItsCause("x")):
            for around in (
                lambda v: [v, v], lambda v: (v, v), lambda v: {1: v, 2: v}, lambda v: targets.Pair(v, v),
                lambda v: [v, ValueError(v)],
            ):
                args = (shared(80, around),)
                with self.subTest(type(exc)):
                    got = with_args(exc, *args)
                    self.assertIs(type(got), type(exc))
                    self.assertIs(type(got.args[0]), type(args[0]))

    def test_of_a_shared_string_and_a_long_number(self):
        for arg in ([["x" * 1000] * 1000] * 1000, 1 << (1 << 27)):
            self.assertIs(type(with_args(ValueError("x"), arg)), ValueError)

    def test_in_its_state(self):
        result = remote(throw, targets.ShowsState("x"))
        result.record["errors"][0]["state"] = pickle.dumps({"state": shared(80)})
        self.assertIs(type(result.to_exception()), targets.ShowsState)

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups are of 3.11")
    def test_of_groups(self):
        def arrived(levels, last):
            result = remote(throw, ExceptionGroup("g", [last]))  # noqa: F821
            group, member = result.record["errors"]
            errors = [dict(group, members=[i + 1, i + 1]) for i in range(levels)] + [member]
            errors[0]["state"] = pickle.dumps({"lost": UnpicklableValue("<lost>")})
            result.record["errors"] = errors
            return result.to_exception()

        self.assertEqual(arrived(80, ValueError("x")).message, "g")
        self.assertEqual(type(arrived(3, targets.Locked("x")).exceptions[0]).__name__, "ExceptionGroup")

    def test_long_but_not_shared_is_checked(self):
        for args in (list(range(100_000)), [{"a_key_of_all": i} for i in range(20_000)], "x" * 1_000_000):
            self.assertIs(type(with_args(targets.Locked("x"), args)), RemoteError)
        around_itself = [1]
        around_itself.append(around_itself)
        self.assertIs(type(with_args(targets.Locked("x"), around_itself)), RemoteError)


class TextThatDiffers(unittest.TestCase):
    def test_the_text_is_a_note(self):
        got = raised_by(ConnectionError(targets.Pool("db1")))
        self.assertIs(type(got), ConnectionError)
        self.assertEqual(str(got), "pool of None")
        worker = got.__gopyrpc_remote__.worker
        self.assertEqual(notes_of(got), [f"Its text on {worker} was: pool of db1"])

    def test_notes_stay(self):
        exc = ConnectionError(targets.Pool("db1"))
        exc.__notes__ = ["first"]
        notes = notes_of(raised_by(exc))
        self.assertEqual(notes[0], "first")
        self.assertIn("pool of db1", notes[1])
        self.assertEqual(len(notes), 2)

    def test_one_note_however_many_hops(self):
        got = raised_by(raised_by(ConnectionError(targets.Pool("db1"))))
        self.assertEqual(len(notes_of(got)), 1)
        self.assertIn("pool of db1", notes_of(got)[0])

    def test_no_note_for_an_address(self):
        self.assertEqual(notes_of(raised_by(ValueError(object(), lambda: 0))), [])

    def test_no_note_for_a_text_made_by_hand(self):
        value = over_the_wire(internal.RemoteException("text", KeyError))
        self.assertEqual(notes_of(value.to_exception()), [])


class MixedBases(unittest.TestCase):
    """The base whose memory an exception has need not be the first of its MRO."""

    def test_classes_of_users(self):
        for exc in (
            targets.Mixed(2, "text"), targets.Mixed("one"), targets.Mixed(),
            targets.MixedKey("k"), targets.MixedImport("m", name="n", path="p"),
            targets.MixedSyntax("s", ("f", 1, 2, "t")), targets.SetsFields("/p"),
            targets.ForgetsFields(4, "m"),
        ):
            for raised_there in (raised_by, lambda e: raised_by(raised_by(e))):
                with self.subTest(repr(exc)):
                    got = raised_there(exc)
                    self.assertIs(type(got), type(exc))
                    self.assertEqual((got.args, str(got), notes_of(got)), (exc.args, str(exc), []))
                    for name in ("errno", "strerror", "filename", "name", "path", "msg", "code"):
                        self.assertEqual(getattr(got, name, None), getattr(exc, name, None), name)

    @unittest.skipIf(sys.version_info < (3, 11), "exception groups are of 3.11")
    def test_group(self):
        class_ = type("G", (ValueError, ExceptionGroup), {"__module__": targets.__name__})  # noqa: F821
        with mock.patch.object(targets, "G", class_, create=True):
            got = raised_by(class_("g", [KeyError("k")]))
        self.assertIs(type(got), class_)
        self.assertEqual(repr(got.exceptions), "(KeyError('k'),)")

    def test_rpc_errors_of_nested_calls(self):
        for exc in (
            RpcConnectionError("c", "Unavailable", "w1", False),
            RpcTimeoutError("RPCErr:1:t", "DeadlineExceeded", "w2", True),
            RpcError("r", "ResourceExhausted", "w3", False),
        ):
            got = raised_by(raised_by(exc))
            self.assertIs(type(got), type(exc))
            self.assertIsInstance(got, RpcError)
            self.assertEqual(
                (str(got), got.args, got.code, got.worker, got.ran),
                (str(exc), exc.args, exc.code, exc.worker, exc.ran),
            )


if __name__ == "__main__":
    unittest.main()
