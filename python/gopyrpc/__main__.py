"""``python -m gopyrpc``: the command gopyrpc, for this Python; or a program with gopyrpc in the place of torch's RPC.

    python -m gopyrpc agent|call|doctor|...         what the command does
    python -m gopyrpc --as-torch SCRIPT.py|-m MODULE|-c CODE [ARG...]
"""

import os
import sys
from types import ModuleType

from ._name import PACKAGE

USAGE = "usage: python -m gopyrpc --as-torch SCRIPT.py|-m MODULE|-c CODE [ARG...]"


def main(args=None):
    """Do what the arguments say, by default those of the process: so an installation's script gopyrpc calls this."""
    args = sys.argv[1:] if args is None else args
    if args[:1] == ["--as-torch"]:
        run_as_torch(args[1:])
    else:
        execute(args)


def execute(args):
    """Replace this process with the command, which has this Python for its own."""
    command = _command()
    if command is None:
        sys.exit(
            "gopyrpc: this installation has no command gopyrpc, and there is none on PATH: pip install gopyrpc,"
            " or in a checkout make build"
        )
    os.environ.setdefault("GOPYRPC_PYTHON", sys.executable)
    os.execv(command, [command, *args])


def _command():
    """Return the command that the package carries, else the one on PATH."""
    carried = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", PACKAGE)
    if os.access(carried, os.X_OK):
        return carried
    from shutil import which

    found = which(PACKAGE)
    if found is not None and os.path.exists(sys.argv[0]) and os.path.samefile(found, sys.argv[0]):
        return None  # the script of an installation without the command, which has called this
    return found


def run_as_torch(args):
    """Run a program as python3 does, with gopyrpc in the place of torch.distributed.rpc, in its children too."""
    import runpy

    from . import install_as_torch_rpc

    if not args or args[0] in ("-m", "-c") and len(args) < 2:
        sys.exit(USAGE)
    install_as_torch_rpc()
    _install_in_children()
    if args[0] == "-m":
        sys.argv = args[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(args[1], run_name="__main__", alter_sys=True)
    elif args[0] == "-c":
        sys.argv = ["-c", *args[2:]]
        sys.path[0] = ""
        exec(compile(args[1], "<string>", "exec"), sys.modules["__main__"].__dict__)
    else:
        if args[0] == "--":
            args = args[1:]
        sys.argv = args
        sys.path[0] = os.path.dirname(os.path.realpath(args[0]))
        runpy.run_path(args[0], run_name="__main__")


class _Program(ModuleType):
    """The program's main module, whichever that is: this module's place is taken by the program's while that runs."""

    def __getattr__(self, name):
        return getattr(sys.modules["__main__"], name)


class _Installer:
    """Installs gopyrpc where it is unpickled."""

    def __reduce__(self):
        from . import install_as_torch_rpc

        return install_as_torch_rpc, ()


def _install_in_children():
    """Have children of multiprocessing install gopyrpc too, before they import the program.

    The start method spawn sends what a child is to prepare as a pickle; entries that it does not know it leaves alone.
    """
    from multiprocessing import spawn

    usual = spawn.get_preparation_data

    def get_preparation_data(name):
        return {**usual(name), PACKAGE: _Installer()}

    spawn.get_preparation_data = get_preparation_data
    # A spawned child's main module has this name, also in what the child sends here: it stands for this one until now.
    sys.modules["__mp_main__"] = _Program("__mp_main__")


if __name__ == "__main__":
    main(sys.argv[1:])
