"""Forks, of which no child can go on in a process that Go runs in. Read when somebody forks, or imports
multiprocessing. Given: the functions that fork, by name, and the finder that found us."""

# ruff: noqa: F821

import os
import sys


def refusing(name, real, spawning=os._spawnvef.__code__):
    def refused():
        # os.spawn* call nothing in the child but exec.
        if sys._getframe(1).f_code is spawning:
            return real()
        raise RuntimeError(
            "os.%s() is not possible in a process that runs Go: the child would have one thread, and hang. Run"
            " programs with subprocess, and Python functions with multiprocessing's start method 'spawn'" % name
        )

    return refused


fork, forkpty = refusing("fork", real_fork), refusing("forkpty", real_forkpty)


def find_spec(name, path=None, target=None):
    """Makes 'spawn' what multiprocessing does by itself, where that would be to fork."""
    sys.meta_path[:] = [other for other in sys.meta_path if other is not finder]
    # Where importlib has it, whatever became of sys.modules.
    spec = type(sys.__spec__).__init__.__globals__["_find_spec"](name, path)
    run = spec.loader.exec_module

    def exec_module(module):
        run(module)
        spawn_by_default(module)

    spec.loader.exec_module = exec_module
    return spec


def spawn_by_default(context):
    default = context._default_context
    if default._default_context._name == "fork":
        default._default_context = context._concrete_contexts["spawn"]
