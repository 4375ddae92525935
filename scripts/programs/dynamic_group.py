"""A group that grows and shrinks: init_rpc without world_size joins, and shutdown leaves."""

import torch.distributed.rpc as rpc
import torch.multiprocessing as mp

notes = {}


def note(name, text):
    notes.setdefault(name, []).append(text)
    return len(notes[name])


def names():
    return sorted(info.name for info in rpc.api._get_current_rpc_agent().get_worker_infos())


def guest(name, rank, told):
    """Join, greet everybody, do what is told, leave."""
    rpc.init_rpc(name, rank=rank)
    for other in names():
        rpc.rpc_sync(other, note, args=(name, f"{name} greets {other}"))
    told.recv()
    rpc.shutdown()


class Guest:
    """A worker that has joined."""

    def __init__(self, context, name, rank):
        self.name = name
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=guest, args=(name, rank, theirs))
        self.process.start()

    def leave(self):
        self.pipe.send("leave")
        self.process.join()
        return self.process.exitcode


def greeted(guest):
    """Wait until the guest has greeted this worker: it has joined then."""
    while guest.name not in notes:
        assert guest.process.is_alive(), f"{guest.name} has failed"
        rpc.rpc_sync("host", names)
    return notes[guest.name]


def main():
    context = mp.get_context("spawn")
    rpc.init_rpc("host", rank=0)
    print("at first:", names())
    first = Guest(context, "first", 1)
    print(greeted(first), names())
    second = Guest(context, "second", 2)
    print(greeted(second), names())
    print("the first knows:", rpc.rpc_sync("first", names))
    print("a note for the second:", rpc.rpc_sync("second", note, args=("host", "welcome")))
    print("the first has left:", first.leave(), names())
    print("the second knows:", rpc.rpc_sync("second", names))
    third = Guest(context, "third", 3)
    print(greeted(third), names())
    print("they have left:", third.leave(), second.leave(), names())
    rpc.shutdown()


if __name__ == "__main__":
    main()
