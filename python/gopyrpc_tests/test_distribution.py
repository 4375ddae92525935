"""hatch_build.py, with a go command that only says what the tests want. scripts/wheel.sh builds really."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).parent.parent

# A go command: answers "env" and "list" from files beside it, writes what it was asked for, and fails where it is told to.
GO = """#!/bin/sh
here=$(dirname "$0")
echo "$GOARCH $*" >> "$here/asked"
case $1 in
  env) cat "$here/env" ;;
  list) cat "$here/list" ;;
  build) exit "$(cat "$here/status")" ;;
esac
"""


class Aborted(Exception):
    pass


class App:
    def __init__(self):
        self.warnings = []

    def abort(self, text):
        raise Aborted(text)

    def display_warning(self, text):
        self.warnings.append(text)


def hook_module():
    """Import hatch_build.py, without hatchling."""
    interface = types.ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = object
    with mock.patch.dict(sys.modules, {interface.__name__: interface}):
        spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


class Distribution(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.bin = Path(folder.name, "bin")
        self.bin.mkdir()
        for tool in ("sh", "cat", "dirname"):
            os.symlink(next(p for p in (f"/bin/{tool}", f"/usr/bin/{tool}") if os.path.exists(p)), self.bin / tool)
        self.module = hook_module()
        self.has_go()

    def has_go(self, system="linux", architecture="amd64", compiler="cc", status=0):
        executable(self.bin / "go", GO)
        executable(self.bin / "cc", "")
        env = {"GOOS": system, "GOARCH": architecture, "CC": compiler}
        (self.bin / "env").write_text(json.dumps(env), encoding="utf-8")
        (self.bin / "status").write_text(str(status), encoding="utf-8")

    def run_hook(self, target="wheel", version="standard", root=PROJECT, **environment):
        """Return the build data and the warnings of a build."""
        hook = self.module.CustomBuildHook()
        hook.target_name, hook.root, hook.app = target, str(root), App()
        build_data = {"force_include": {}}
        environment = {"PATH": str(self.bin), **environment}
        with mock.patch.dict(os.environ, environment, clear=True):
            try:
                hook.initialize(version, build_data)
            finally:
                hook.finalize(version, build_data, "")
                self.assertFalse(hook.made.exists())
        return build_data, hook.app.warnings

    def asked(self):
        return (self.bin / "asked").read_text(encoding="utf-8").splitlines()

    def test_a_wheel_has_the_library_and_the_command(self):
        with mock.patch.object(self.module, "has_glibc", return_value=True):
            data, warnings = self.run_hook()
        self.assertEqual(sorted(data["force_include"].values()), ["gopyrpc/bin/gopyrpc", "gopyrpc/libgopyrpc.so"])
        self.assertEqual((data["tag"], data["pure_python"], warnings), ("py3-none-linux_x86_64", False, []))
        built = [line for line in self.asked() if " build " in line]
        self.assertEqual([line.split()[-1] for line in built], ["./cmd/libgopyrpc", "./cmd/gopyrpc"])
        self.assertIn("-buildmode=c-shared", built[0])

    def test_a_wheel_is_for_the_platform_that_was_named(self):
        data, _ = self.run_hook(GOPYRPC_WHEEL_PLATFORM="manylinux_2_28_aarch64", CC="cc")
        self.assertEqual(data["tag"], "py3-none-manylinux_2_28_aarch64")

    def test_elsewhere_a_wheel_has_the_python_files(self):
        for system, architecture, libc in (("darwin", "arm64", False), ("linux", "riscv64", True), ("linux", "amd64", False)):
            self.has_go(system, architecture)
            with mock.patch.object(self.module, "has_glibc", return_value=libc):
                data, warnings = self.run_hook()
            self.assertEqual(data["force_include"], {})
            self.assertIn("runs on Linux with glibc", warnings[0])
            self.assertNotIn("any", data["tag"])

    def assert_missing(self, text, **environment):
        with self.assertRaises(Aborted) as caught, mock.patch.object(self.module, "has_glibc", return_value=True):
            self.run_hook(**environment)
        self.assertIn(text, str(caught.exception))

    def test_no_go(self):
        (self.bin / "go").unlink()
        self.assert_missing("there is no go command on PATH")

    def test_no_compiler(self):
        self.has_go(compiler="zig cc -target x86_64-linux-gnu.2.28")
        self.assert_missing("there is no C compiler: CC is 'zig cc -target x86_64-linux-gnu.2.28'")

    def test_go_fails(self):
        self.has_go(status=3)
        self.assert_missing("go build failed with status 3")

    def test_no_module(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assert_missing("the Go module is neither above", root=Path(folder))

    def test_an_sdist_has_what_the_two_commands_need(self):
        module = PROJECT.parent.resolve()
        packages = (
            {"Dir": str(module / "agent"), "Module": {"Main": True}, "GoFiles": ["a.go"], "IgnoredGoFiles": ["a_test.go", "b.go"]},
            {"Dir": str(module / "python"), "Module": {"Main": True}, "EmbedFiles": ["gopyrpc/_udf.py"]},
            {"Dir": "/somewhere/else", "Module": {}, "GoFiles": ["c.go"]},
            {"Dir": "/usr/lib/go/src/os", "GoFiles": ["d.go"]},
        )
        (self.bin / "list").write_text("\n".join(map(json.dumps, packages)), encoding="utf-8")
        data, _ = self.run_hook("sdist")
        self.assertEqual(sorted(data["force_include"].values()), ["LICENSE", "go/agent/a.go", "go/agent/b.go", "go/go.mod", "go/go.sum"])
        lists = [line for line in self.asked() if " list " in line]
        self.assertEqual([line.split()[0] for line in lists], ["amd64", "arm64"])
        for line in lists:
            self.assertTrue(line.endswith("./cmd/libgopyrpc ./cmd/gopyrpc"), line)

    def test_an_sdist_becomes_a_module_again(self):
        with tempfile.TemporaryDirectory() as folder:
            for file in ("go/go.mod", "go/python/embed.go", "gopyrpc/_udf.py"):
                path = Path(folder, "sdist", file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("", encoding="utf-8")
            module = self.module.module_of(Path(folder, "sdist"), Path(folder, "module"))
            found = {file.relative_to(module).as_posix() for file in module.rglob("*") if file.is_file()}
        self.assertEqual(found, {"go.mod", "python/embed.go", "python/gopyrpc/_udf.py"})


# The script gopyrpc as an installation has it: see project.scripts in pyproject.toml.
SCRIPT = f"""#!{sys.executable}
import sys
sys.path.insert(0, sys.argv[0] + ".package")
from gopyrpc.__main__ import main
main()
"""


class Script(unittest.TestCase):
    """What an installation has as bin/gopyrpc."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.script = Path(folder.name, "gopyrpc")
        self.package = Path(folder.name, "gopyrpc.package", "gopyrpc")
        shutil.copytree(PROJECT / "gopyrpc", self.package, ignore=shutil.ignore_patterns("bin", "*.so", "__pycache__"))
        executable(self.script, SCRIPT)

    def run_script(self, *arguments):
        environment = {"PATH": f"{self.script.parent}:/usr/bin:/bin"}
        return subprocess.run(
            [str(self.script), *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=60
        )

    def test_it_executes_the_command_of_the_wheel(self):
        command = self.package / "bin" / "gopyrpc"
        command.parent.mkdir()
        executable(command, '#!/bin/sh\necho "command $* $GOPYRPC_PYTHON"\nexit 3\n')
        done = self.run_script("agent", "--help")
        self.assertEqual((done.returncode, done.stdout), (3, f"command agent --help {sys.executable}\n"), done.stderr)

    def test_it_does_not_execute_itself(self):
        done = self.run_script("version")
        self.assertEqual(done.returncode, 1)
        self.assertIn("this installation has no command gopyrpc", done.stderr)


def executable(file, text):
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


if __name__ == "__main__":
    unittest.main()
