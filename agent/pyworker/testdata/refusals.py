"""What is refused on the way in, and what its sender gets."""

import pickle

import gopyrpc as rpc
from cases import raises
from gopyrpc._exceptions.remote import from_exception
from gopyrpc.internal import DeserializeError, ForbiddenGlobal


def check_as_pythons(data, forbidden):
    """Check that a reply of Go's is what Python makes where it refuses by itself."""
    record = pickle.loads(data).record
    cause = pickle.loads(record["errors"][1]["args"])
    made = ForbiddenGlobal(*cause) if forbidden else pickle.UnpicklingError(*cause)
    exc = DeserializeError(*pickle.loads(record["errors"][0]["args"]))
    exc.__cause__ = exc.__context__ = made
    theirs = from_exception(exc).record
    assert record.keys() == theirs.keys(), record
    for ours, there in zip(record["errors"], theirs["errors"]):
        for key in ("args", "state"):
            assert (ours[key] is None) == (there[key] is None), (ours, there)
            if there[key] is not None:
                ours[key], there[key] = pickle.loads(ours[key]), pickle.loads(there[key])
        assert ours == there, (ours, there)
    got = raises(rpc.DeserializeError, rpc.internal._handle_exception, pickle.loads(data))
    assert type(got.__cause__) is type(made) and got.__cause__.args == made.args, got.__cause__


def check_texts(data, *texts):
    got = raises(rpc.DeserializeError, rpc.internal._handle_exception, pickle.loads(data))
    for text in texts:
        assert text in str(got), (text, str(got))


def check_printable(data):
    got = raises(rpc.DeserializeError, rpc.internal._handle_exception, pickle.loads(data))
    assert str(got).isprintable() and len(str(got)) < 2000, str(got)


def check_cause():
    exc = raises(rpc.DeserializeError, rpc.rpc_sync, "w1", check_printable, (b"",))
    assert type(exc.__cause__) is ForbiddenGlobal and exc.__cause__.global_name == "refusals:check_printable", exc.__cause__
