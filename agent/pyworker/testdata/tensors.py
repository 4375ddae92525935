"""Tensors that travel. Every test_* runs inside w0, of w0 and w1."""

import cases
import gopyrpc as rpc
import torch


def view_of(tensor):
    return tensor, tensor[1]


def shares(first, second):
    return first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr() if hasattr(
        first, "untyped_storage"
    ) else first.storage().data_ptr() == second.storage().data_ptr()


def total(items):
    return sum(t.sum().item() for t in items["tensors"]) + items["more"]


def wait_and_sum(tensor):
    cases.time.sleep(0.05)
    return tensor.sum().item()


@rpc.functions.async_execution
def later(tensor):
    future = rpc.Future()
    cases.threading.Timer(0.01, future.set_result, args=(tensor + 1,)).start()
    return future


async def coroutine(tensor):
    return tensor + await rpc.rpc_async("w0", torch.ones, args=(2,))


class Holder:
    def __init__(self, tensor):
        self.tensor = tensor

    def add(self, other):
        return self.tensor + other


def test_calls():
    x = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(rpc.rpc_sync("w1", torch.add, args=(x, x)), x + x)
    assert torch.equal(rpc.rpc_async("w1", torch.add, args=(x, 1)).wait(), x + 1)
    assert torch.equal(rpc.rpc_async("w1", torch.add, args=(x, 1)).then(lambda f: f.wait() * 2).wait(), (x + 1) * 2)
    assert rpc.rpc_sync("w1", total, args=({"tensors": [x, x], "more": 1},)) == 31
    for to in ("w0", "w1"):
        whole, row = rpc.rpc_sync(to, view_of, args=(x,))
        assert shares(whole, row) and torch.equal(whole[1], row)


def test_large():
    x = torch.rand(4 << 20)
    assert torch.equal(rpc.rpc_sync("w1", torch.neg, args=(x,)), -x)


def stride_of(tensor):
    return tensor.stride(), tensor.is_contiguous()


def test_strides():
    for n in (12, 4 << 20):  # in the request; through shared memory
        x = torch.arange(float(n))
        for view in (x[::2], x.reshape(-1, 4).t(), x.reshape(-1, 4)[:, 1:3], x[::3].expand(2, -1), x.reshape(-1, 2)[:, 1]):
            for to in ("w0", "w1"):
                assert rpc.rpc_sync(to, stride_of, args=(view,)) == stride_of(view), (to, n, view.stride())
                back = rpc.rpc_sync(to, cases.hand_back, args=(view,))
                assert stride_of(back) == stride_of(view) and torch.equal(back, view), (to, n, view.stride())


def test_functions_done_later():
    x = torch.zeros(2)
    assert torch.equal(rpc.rpc_sync("w1", later, args=(x,)), x + 1)
    assert torch.equal(rpc.rpc_sync("w1", coroutine, args=(x,)), x + 1)


def test_rrefs():
    x = torch.arange(4.0)
    assert torch.equal(rpc.remote("w1", torch.add, args=(x, 1)).to_here(), x + 1)
    assert torch.equal(rpc.rpc_sync("w1", cases.value_of, args=(rpc.RRef(x),)), x)
    holder = rpc.remote("w1", Holder, args=(x,))
    assert torch.equal(holder.rpc_sync().add(x), x + x)


def test_what_was_there_when_the_call_was_made():
    x = torch.ones(1 << 20)
    future = rpc.rpc_async("w1", wait_and_sum, args=(x,))
    x.zero_()
    assert future.wait() == 1 << 20


def test_grad():
    x = torch.ones(2, requires_grad=True)
    assert rpc.rpc_sync("w1", cases.hand_back, args=(x,)).requires_grad


def test_changed_while_on_its_way():
    tensor = torch.zeros(200_000)
    for to in ("w0", "w1"):
        futures = []
        for i in range(20):
            tensor.fill_(i)
            futures.append(rpc.rpc_async(to, torch.clone, args=(tensor,)))
        tensor.fill_(-1)
        for i, future in enumerate(futures):
            assert bool((future.wait() == i).all()), (to, i)


@torch.jit.script
def scripted(x):
    return x + 1


def test_case_108_script_functions_travel_by_their_names():
    assert rpc.rpc_sync("w1", scripted, args=(torch.ones(1),)).item() == 2
    assert rpc.rpc_sync("w1", cases.hand_back, args=(scripted,)) is scripted
    assert rpc.remote("w1", scripted, args=(torch.ones(1),)).to_here().item() == 2
    nameless = torch.jit.script(run_without_a_name)
    exc = cases.raises(rpc.SerializeError, rpc.rpc_sync, "w1", nameless, args=(torch.ones(1),))
    assert "run_without_a_name" in str(exc), exc
    assert rpc.rpc_sync("w1", run_scripted, args=(torch.ones(1),)).item() == 2  # a function that calls one


def run_without_a_name(x):
    return x


def test_arguments_that_no_overload_takes():
    exc = cases.raises(TypeError, rpc.rpc_sync, "w1", torch.add, args=())
    assert isinstance(exc, RuntimeError) and type(exc).__name__ == "NoSuchOverload", exc
    assert str(exc).startswith("Overloaded torch operator invoked from Python failed to "), exc
    assert "add() received an invalid combination of arguments" in str(exc), exc
    exc = cases.raises(TypeError, rpc.rpc_sync, "w1", cases.hand_back)
    assert type(exc) is TypeError, exc


def run_scripted(x):
    return scripted(x)
