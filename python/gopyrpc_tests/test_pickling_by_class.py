"""What goes to a restricted worker is pickled by class: an instance has no say in it."""

import pickle
import sys
import types
import unittest

from gopyrpc._pickling import by_class, pickler
from gopyrpc._rpc import serve
from gopyrpc._rpc.future import Future
from gopyrpc._rpc.later import Later
from gopyrpc._module.handle import make_handle
from gopyrpc._rpc.caller import Caller
from gopyrpc.internal import PythonUDF, RemoteException, SerializeError, to_table

from . import by_class_targets as targets

T = targets.__name__
GIVE_BACK = b"\x80\x05\x97\x97)}\x87\x85R."  # what Go makes of a call without arguments
CALL = b"\x80\x05\x97\x97)}\x87R."  # a canonical pickle: the first object beside it, of the second, () and {}
NEVER = "gopyrpc_never_imported"  # there is none of this name, and asking for it is what counts


class Finder:
    """Notes which modules are asked for that are not there."""

    def __init__(self):
        self.asked = []

    def find_spec(self, name, path=None, target=None):
        self.asked.append(name)


def disguised(cls=targets.Plain):
    """An instance that says it is an object of another module, as F5's did."""
    obj = cls()
    obj.__dict__["__reduce_ex__"] = lambda protocol: "anything"
    obj.__dict__["__module__"] = NEVER
    return obj


class ByClassTest(unittest.TestCase):
    def setUp(self):
        self.finder = Finder()
        sys.meta_path.append(self.finder)  # asked for what no other finder finds
        self.addCleanup(sys.meta_path.remove, self.finder)
        self.restricted = Caller(None, "w1", [T])
        self.free = Caller(None, "w1")

    def outcome(self, data):
        """What an answer is, and whether a module was asked for on the way."""
        data = data[0] if type(data) is tuple else b"".join(data) if type(data) is list else data
        self.assertEqual(self.finder.asked, [])
        return pickle.loads(data)

    def refused(self, data, text):
        result = self.outcome(data)
        self.assertIs(type(result), RemoteException)
        self.assertIn(text, result.msg)
        return result

    def test_a_free_worker_gets_what_c_makes(self):
        with self.assertRaises(Exception):
            pickle.dumps(disguised(), 5)
        self.assertIn(NEVER, self.finder.asked)  # the attack works where nothing is in its way
        value = [targets.Plain(), targets.Color.RED, {"a": targets.Plain}]
        self.assertEqual(serve.answer(value, self.free), pickle.dumps(value, 5))

    def test_an_instance_cannot_name_a_module(self):
        for value in (disguised(), [1, {"deep": (disguised(),)}], disguised(targets.Slotted), disguised(targets.Mapping)):
            for made in (self.serve(targets.give, value), serve.fetch(value, self.restricted)):
                self.refused(made, "only its class may say how it is pickled")

    def serve(self, function, *args):
        """Serve a call of a function that finds *args* there, as they are."""
        targets.kept = args
        names = self.restricted.make_names(["gopyrpc.internal:PythonUDF", f"{T}:{function.__name__}"])
        return serve.serve_beside(CALL, names)

    def test_the_class_says_how_even_where_the_instance_does_too(self):
        own = targets.Reducing(7)
        own.__dict__["__reduce__"] = lambda: "anything"
        own.__dict__["__reduce_ex__"] = lambda protocol: "anything"
        self.assertEqual(self.outcome(serve.fetch(own, self.restricted)).value, 7)

    def test_a_name_must_lead_to_the_very_object(self):
        sentinel = targets.SENTINEL
        self.assertIs(self.outcome(serve.fetch(sentinel, self.restricted)), sentinel)
        for name, module in (("SENTINEL", NEVER), ("Plain", T), ("gone", T), ("path.join", "os"), ("Outer.no", T)):
            other = targets.Sentinel(name)
            other.__module__ = module
            self.refused(serve.fetch(other, self.restricted), "no module that is loaded has it there")

    def test_classes_and_functions(self):
        good = [targets.Plain, targets.give, targets.Outer.Inner, targets.Outer.method, targets.Outer.static, targets.Color, type(None)]
        good += [targets.Outer.of_class, len, [].append.__self__, Ellipsis, NotImplemented, targets.Color.RED, str.upper, complex]
        for value in good:
            self.assertEqual(self.outcome(serve.fetch(value, self.restricted)), value)

        def local():
            pass

        elsewhere = types.FunctionType(targets.give.__code__, {})
        elsewhere.__module__, elsewhere.__qualname__ = NEVER, "give"
        other = type("Plain", (), {"__module__": T})
        lost = type("Lost", (), {"__module__": NEVER})
        for value in (local, elsewhere, other, lost):
            self.refused(serve.fetch([value], self.restricted), "not found as")

    def test_what_is_pickled_is_what_c_makes(self):
        values = targets.values()
        for value in values:
            with self.subTest(value=value):
                self.assertEqual(by_class.dumps(value), pickle.dumps(value, 5))

    def test_reducers_go_by_class(self):
        def reduce(value):
            return to_table(value)

        pickler.register_reducer(targets.Registered, reduce)
        self.addCleanup(pickler._reducers.pop, targets.Registered)
        data, tensors = serve.fetch([targets.Registered()], self.restricted)
        self.assertEqual([type(t) for t in tensors], [targets.Registered])

    def test_exceptions(self):
        made = self.serve(targets.give_up, disguised())
        error = self.outcome(made).to_exception()
        self.assertIs(type(error), ValueError)
        self.assertIn("Plain", repr(error.args))  # as text: the argument itself could not be pickled
        self.assertEqual(self.finder.asked, [])

    def test_exceptions_whose_text_would_never_end(self):
        deep = []
        for _ in range(60):
            deep = [deep, deep]
        error = self.outcome(self.serve(targets.give_up, deep)).to_exception()
        self.assertIn("its text would be too long", str(error.__gopyrpc_remote__.message))
        error = self.outcome(self.serve(targets.give_up, [1, [2]])).to_exception()
        self.assertEqual((str(error), error.__gopyrpc_remote__.message), ("[1, [2]]",) * 2)

    def test_futures(self):
        future, came = Future(), []
        serve.when_done(Later(future), self.restricted, came.append)
        future.set_result(disguised())
        self.refused(came[0], "only its class may say how it is pickled")
        future = Future()
        serve.when_done(Later(future), self.restricted, came.append)
        future.set_exception(KeyError(disguised()))
        self.assertIs(type(self.outcome(came[1]).to_exception()), KeyError)
        future = Future()
        serve.when_kept(Later(future), self.restricted, came.append)
        future.set_exception(KeyError(disguised()))
        self.assertIs(type(came[2].value.to_exception()), KeyError)
        self.assertEqual(self.finder.asked, [])

    def test_what_a_served_function_sends_on(self):
        made = self.outcome(self.serve(targets.send_on, disguised()))
        self.assertIn("only its class may say how it is pickled", made)

    def test_a_handle_with_an_allow_list(self):
        handle = make_handle(allow=[T])
        beside = handle.make_names(["gopyrpc.restricted:call", f"{T}:give"])
        targets.kept = (disguised(),)
        with self.assertRaisesRegex(SerializeError, "only its class"):
            handle.run(GIVE_BACK, beside)
        self.assertEqual(self.finder.asked, [])
        targets.kept = (7,)
        self.assertEqual(pickle.loads(handle.run(GIVE_BACK, beside)), 7)

    def test_only_a_PythonUDF_is_a_request(self):
        targets.kept = (1,)
        text = "a restricted worker may send a PythonUDF"
        self.refused(serve.serve_beside(pickle.dumps([1], 5), self.restricted.make_names([])), text)
        names = self.restricted.make_names([f"{T}:LooksLikeOne", f"{T}:give"])
        self.refused(serve.serve_beside(CALL, names), text)
        self.assertIn(text, serve.serve_remote_beside(CALL, names).msg)

    def test_what_was_not_read_under_the_list_is_not_loaded(self):
        udf = pickle.dumps(PythonUDF(targets.give, (), {}), 5)
        self.refused(serve.serve(udf, self.restricted), "was not read under its list")
        self.refused(serve.serve(udf, [self.restricted, []]), "was not read under its list")


if __name__ == "__main__":
    unittest.main()
