"""What module api has for programs that look behind the names of torch.distributed.rpc. Every test_* runs inside w0, of w0 to w3."""

import gopyrpc as rpc
from cases import raises
from gopyrpc._rpc import hosts

ALL = ["w0", "w1", "w2", "w3"]


def gather(names, timeout=-1.0):
    """Gather, at a worker, its name's last letter."""
    return rpc.api._all_gather(rpc.get_worker_info().name[-1], names, timeout)


def everywhere(function, *args, on=ALL):
    return [rpc.rpc_async(name, function, args) for name in on]


def test_all_have_the_objects_of_all():
    for _ in range(3):  # each time is a gathering of its own
        for future in everywhere(gather, None):
            assert future.wait() == {"w0": "0", "w1": "1", "w2": "2", "w3": "3"}


def test_some_gather():
    for future in everywhere(gather, ["w3", "w1"], on=["w1", "w3"]):
        assert future.wait() == {"w1": "1", "w3": "3"}


def test_the_leader_says_who_did_not_come():
    exc = raises(RuntimeError, rpc.rpc_sync, "w0", gather, (["w0", "w2", "w3"], 0.2))
    assert "timed out in _all_gather after 0.20 seconds: w2, w3 did not come" in str(exc), exc


def test_a_follower_says_whom_it_waited_for():
    exc = raises(RuntimeError, rpc.rpc_sync, "w2", gather, (["w1", "w2", "w3"], 0.2))
    assert "timed out in _all_gather after 0.20 seconds: the leader, w1, did not answer" in str(exc), exc


class Unreadable:
    """An object that cannot be read where it comes."""

    def __reduce__(self):
        return int, ("x",)


def gather_unreadable(names):
    return rpc.api._all_gather(Unreadable() if rpc.get_worker_info().name == "w3" else 1, names)


def test_one_that_fails_ends_the_gathering_for_the_leader():
    first, last = everywhere(gather_unreadable, ["w2", "w3"], on=["w2", "w3"])
    raises(RuntimeError, last.wait)
    exc = raises(RuntimeError, first.wait)
    assert "Followers ['w3'] timed out in _all_gather" in str(exc) and "int()" in str(exc), exc


def test_a_worker_that_does_not_belong_is_refused():
    exc = raises(RuntimeError, rpc.rpc_sync, "w0", rpc.api._gather_to_leader, ("no such gathering", "w9", 1))
    assert "w9 is not one of the workers of this gathering: w0, w1, w2, w3" in str(exc), exc


passed = []


def pass_barrier(names):
    passed.append(rpc.get_worker_info().name)
    rpc.api._barrier(names)
    return set(names) <= set(passed)


def test_barrier():
    passed.clear()
    assert all(future.wait() for future in everywhere(pass_barrier, ALL))


def test_wait_all_workers():
    for future in everywhere(rpc.api._wait_all_workers, 0):
        assert future.wait() is None


def shut_down_after(*args):
    raise ArithmeticError(f"called with {args}")


def test_shutdown_waits_as_a_program_has_it_wait():
    was, rpc.api._wait_all_workers = rpc.api._wait_all_workers, shut_down_after
    token = hosts.serving.set(None)  # as the program's own code, and not within a call
    try:
        assert str(raises(ArithmeticError, rpc.shutdown, True, 3)) == "called with (3,)"
    finally:
        hosts.serving.reset(token)
        rpc.api._wait_all_workers = was


def test_the_agent_as_an_object():
    agent = rpc.api._get_current_rpc_agent()
    assert agent is rpc._get_current_rpc_agent() and isinstance(agent, rpc.TensorPipeAgent)
    assert rpc._is_current_rpc_agent_set() and agent.name == "w0" and agent.get_timeout() == rpc.get_rpc_timeout()
    assert [info.name for info in agent.get_worker_infos()] == ALL
    assert agent.get_worker_info().id == 0 and agent.get_worker_info("w2").id == agent.get_worker_info(2).id == 2
    assert int(agent.get_debug_info()["agent.calls"]) > 0
    raises(NotImplementedError, agent._get_device_map, "w1")


def count(what):
    return int(rpc._rref_context_get_debug_info()[what])


def test_counts_of_rrefs():
    before = count("num_owner_rrefs"), count("num_forks")
    mine = rpc.RRef(5)
    assert count("num_owner_rrefs") == before[0], "nobody else has it"
    theirs = rpc.remote("w1", int, (5,))
    theirs.to_here()
    owners = rpc.rpc_sync("w1", count, ("num_owner_rrefs",)), rpc.rpc_sync("w1", count, ("num_forks",))
    assert owners[0] >= 1 and owners[1] >= 1, owners
    assert str(mine).startswith("OwnerRRef(GloballyUniqueId(created_on=0, local_id="), mine
    assert str(theirs).startswith("UserRRef(RRefId = GloballyUniqueId(created_on=0, local_id="), theirs
    assert rpc._get_debug_info().keys() > rpc._rref_context_get_debug_info().keys()


class Holder:
    """An object that says itself how the RRef in it travels."""

    def __init__(self, rref):
        self.rref = rref

    def __reduce__(self):
        return release_from_holder, (self.rref._serialize(),)


def release_from_holder(serialized):
    return rpc.RRef._deserialize(serialized)


def value_of(rref):
    return type(rref) is rpc.RRef and rref.to_here()


def test_an_rref_travels_as_it_was_serialized():
    assert rpc.rpc_sync("w1", value_of, (Holder(rpc.RRef(7)),)) == 7


class Pickler:
    """A pickler that a program gives: the calls are as it writes them."""

    def serialize(self, udf):
        from gopyrpc.internal import PythonUDF, serialize

        return serialize(PythonUDF(udf.func, (udf.args[0] + 1,), {}))


def test_use_rpc_pickler():
    with rpc.api._use_rpc_pickler(Pickler()):
        assert rpc.rpc_sync("w1", abs, (1,)) == 2
        assert isinstance(rpc.api._default_pickler, Pickler)
    assert rpc.rpc_sync("w1", abs, (1,)) == 1


def test_require_initialized_lets_through():
    assert rpc.api._require_initialized(abs)(-1) == 1
