"""One process of a group that runs torch's own RPC tests, on gopyrpc or on torch's TensorPipe.

    worker.py {gopyrpc | tensorpipe | list} SOCKET RANK [FOLDER…]

The process connects to SOCKET, and runs the tests that it is told to: a line of JSON for each, and a line for its outcome.
*list* prints the names of the tests. The FOLDERs are searched for modules first. FAULTY_AGENT names the file in which the
library of gopyrpc, where it is the one for tests of faults, looks for those of its next agent.
"""

import importlib
import json
import os
import socket
import sys
import time
import traceback
import unittest

RPC = "torch.testing._internal.distributed.rpc."
FAULTY = "FaultyAgentRpcTest"
MODULES = (
    RPC + "rpc_test",
    RPC + "examples.parameter_server_test",
    RPC + "examples.reinforcement_learning_rpc_test",
    RPC + "faulty_agent_rpc_test",
)
CLASSES = ("RpcTest", "TensorPipeAgentRpcTest", "ParameterServerTest", "ReinforcementLearningRpcTest", FAULTY)
WORLD_SIZE = 4


def classes():
    """Return the classes of tests by name, of modules that are new: what a test has left in one is gone."""
    found = {}
    for name in MODULES:
        module = sys.modules.get(name)
        module = importlib.import_module(name) if module is None else importlib.reload(module)
        found.update((cls, vars(module)[cls]) for cls in CLASSES if cls in vars(module))
    return found


def names():
    return sorted(f"{cls}.{name}" for cls, tests in classes().items() for name in dir(tests) if name.startswith("test_"))


class Process:
    """What a process is for the tests that run in it. *left_out* tells of which tests of faults none can be run."""

    def __init__(self, rank, left_out):
        import torch
        from torch.testing._internal.common_utils import TestCase
        from torch.testing._internal.distributed.rpc.faulty_rpc_agent_test_fixture import FaultyRpcAgentTestFixture
        from torch.testing._internal.distributed.rpc.tensorpipe_rpc_agent_test_fixture import TensorPipeRpcAgentTestFixture

        self.rank = rank
        self.left_out = left_out
        self.torch = torch
        self.case = TestCase
        self.fixture, self.faulty_fixture = TensorPipeRpcAgentTestFixture, FaultyRpcAgentTestFixture

    def run_in_child(self, name, folder):
        """`run` in a forked process: torch's own RPC does not begin anew in one that has had an agent."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            with open(writer, "w") as outcome:
                json.dump(self.run(name, folder), outcome)
            os._exit(0)
        os.close(writer)
        with open(reader) as outcome:
            text = outcome.read()
        _, status = os.waitpid(child, 0)
        return json.loads(text) if text else ("failed", f"the process ended with status {os.waitstatus_to_exitcode(status)}")

    def run(self, name, folder):
        """Run a test; return None, or why it failed or was skipped: ("failed" or "skipped", text)."""
        cls, _, method = name.partition(".")
        if cls == FAULTY and self.left_out(method):
            return "skipped", "a call to oneself uses no transport"
        tests = classes()[cls]
        fixture = self.faulty_fixture if cls == FAULTY else self.fixture
        made = type(cls, (tests, fixture, self.case), {"__module__": tests.__module__})
        setattr(sys.modules[tests.__module__], cls, made)  # where its instances are looked up, which travel
        test = made(method)
        test.rank = self.rank
        test.file_name = os.path.join(folder, "store")
        try:
            test.setUp()
            getattr(test, method)()
        except unittest.SkipTest as exc:
            return "skipped", str(exc)
        except SystemExit as exc:  # the tests' way to skip in a process of several
            return "skipped", f"status {exc.code}"
        except BaseException as exc:
            traceback.print_exc()
            return "failed", f"{type(exc).__module__}.{type(exc).__qualname__}: {exc}"
        finally:
            self.tidy()

    def tidy(self):
        """End what a test has left."""
        distributed = self.torch.distributed
        if distributed.is_initialized():
            distributed.destroy_process_group()
        api = distributed.rpc.api
        if api._is_current_rpc_agent_set():
            try:
                api.shutdown(graceful=False)
            except Exception:
                traceback.print_exc()


def serve(what, path, rank, left_out):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    lines = connection.makefile("rw")
    print(json.dumps({"rank": rank}), file=lines, flush=True)
    process = Process(rank, left_out)
    run = process.run if what == "gopyrpc" else process.run_in_child
    for line in lines:
        asked = json.loads(line)
        began = time.monotonic()
        why = run(asked["test"], asked["folder"])
        outcome, text = why or ("passed", "")
        print(json.dumps({"outcome": outcome, "text": text, "seconds": time.monotonic() - began}), file=lines, flush=True)


def main(what, path, rank, *folders):
    sys.path[:0] = folders
    # The tests take these from the environment where they say none. Nobody else is to listen there.
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    if what == "list":
        import torch

        print(".".join(torch.__version__.split(".")[:2]), *names(), sep="\n")
        return
    if what == "gopyrpc":
        import gopyrpc

        gopyrpc.install_as_torch_rpc()
        import faulty_backend

        faulty_backend.register()
        serve(what, path, int(rank), faulty_backend.TO_SELF.search)
    else:
        serve(what, path, int(rank), lambda test: False)


main(*sys.argv[1:])
