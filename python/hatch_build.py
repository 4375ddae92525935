"""What building the distribution does beyond copying Python files. hatchling calls `CustomBuildHook`.

A wheel has what Go makes: the library that init_rpc loads, and the command that ``python -m gopyrpc`` executes. Both find
the interpreter's functions when they run, so one wheel serves every CPython of a platform: ``py3-none-<platform>``.

An sdist has the Go module, in the folder "go": the files that the two need, on each architecture, and no tests.

CC, GOARCH and the other variables of the go command are obeyed. GOPYRPC_WHEEL_PLATFORM is the platform of the wheel's
name, by default this machine's: scripts/wheel.sh sets it where the C compiler links for an older glibc.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What Go makes: its place in the wheel, and the arguments of "go build".
LIBRARY = "gopyrpc/libgopyrpc.so", ("-buildmode=c-shared", "./cmd/libgopyrpc")
COMMAND = "gopyrpc/bin/gopyrpc", ("./cmd/gopyrpc",)

# The platforms that the library runs on: GOOS, and GOARCH by the name that wheels have for it.
SYSTEM = "linux"
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


class CustomBuildHook(BuildHookInterface):
    """Adds to a wheel what Go makes, and to an sdist the Go module."""

    def initialize(self, version, build_data):
        self.made = Path(tempfile.mkdtemp(prefix="gopyrpc-build-"))
        try:
            if self.target_name == "sdist":
                self.add_module(build_data)
            elif self.target_name == "wheel":
                self.add_what_go_makes(build_data, in_place=version == "editable")
        except Missing as missing:
            self.app.abort(f"gopyrpc cannot be built: {missing}")

    def finalize(self, version, build_data, artifact_path):
        shutil.rmtree(self.made, ignore_errors=True)

    def add_what_go_makes(self, build_data, in_place):
        go = Go()
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform(go)}"
        if not is_supported(go):
            self.app.display_warning(
                f"gopyrpc runs on Linux with glibc, on amd64 and arm64, and not on {go.system}-{go.architecture}: this"
                " wheel has the Python files alone, for editors and type checkers"
            )
            return
        go.require_compiler()
        root = Path(self.root)
        module = module_of(root, self.made / "go")
        for place, arguments in (LIBRARY, COMMAND):
            made = (root if in_place else self.made) / place
            go.build(module, made, arguments)
            if not in_place:
                build_data["force_include"][str(made)] = place

    def add_module(self, build_data):
        root = Path(self.root)
        module = module_of(root, self.made / "go")
        for file in sorted(files_of(Go(), module)):
            if not file.startswith("python/gopyrpc/"):  # which the sdist has beside the Go module
                build_data["force_include"][str(module / file)] = f"go/{file}"
        license = root / "LICENSE"  # in a clone a link, which an archive would keep
        build_data["force_include"].pop(str(license), None)
        build_data["force_include"][str(license.resolve())] = "LICENSE"


class Missing(Exception):
    """Something that the build needs is not there. The text says what to do."""


class Go:
    """The go command."""

    def __init__(self):
        self.command = shutil.which("go")
        if self.command is None:
            raise Missing(
                "there is no go command on PATH, and a part of the package is written in Go. Install Go (go.dev/dl), or a"
                " wheel, which has that part: pip install --only-binary gopyrpc gopyrpc"
            )
        found = json.loads(self.run(None, "env", "-json", "GOOS", "GOARCH", "CC"))
        self.system, self.architecture, self.compiler = found["GOOS"], found["GOARCH"], found["CC"]

    def require_compiler(self):
        words = shlex.split(self.compiler)
        if not words or shutil.which(words[0]) is None:
            raise Missing(
                f"there is no C compiler: CC is {self.compiler!r}, which is not on PATH. Install one (Debian: apt install gcc"
                " libc6-dev), name one in CC, or install a wheel: pip install --only-binary gopyrpc gopyrpc"
            )

    def build(self, module, made, arguments):
        # Without symbols for a debugger, which no traceback needs, the files are a third smaller.
        self.run(module, "build", "-trimpath", f"-buildvcs={can_ask_git(module)}", "-ldflags=-s -w", "-o", str(made), *arguments)
        made.with_suffix(".h").unlink(missing_ok=True)  # that of a c-shared library, which nobody includes

    def run(self, directory, *arguments, **variables):
        environment = {**os.environ, "CGO_ENABLED": "1", **variables}
        done = subprocess.run([self.command, *arguments], cwd=directory, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
        if done.returncode != 0:
            raise Missing(
                f"go {arguments[0]} failed with status {done.returncode}, and has said why above. Where a header is missing,"
                " install those of the C library (Debian: apt install libc6-dev)"
            )
        return done.stdout


def can_ask_git(module):
    """Return "true" where git tells the commit, for the command's version line, else "false".

    A clone whose owner is somebody else has git refuse, and then go too.
    """
    try:
        asked = subprocess.run(["git", "status", "--porcelain"], cwd=module, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        return "false"
    return "true" if asked.returncode == 0 and (module / ".git").exists() else "false"


def module_of(root, scratch):
    """Return the folder of the Go module: the clone's, or for an sdist *scratch*, where it is put together."""
    if (root.parent / "go.mod").exists() and (root.parent / "python").resolve() == root.resolve():
        return root.parent
    if not (root / "go" / "go.mod").exists():
        raise Missing(f"the Go module is neither above {root}, as in a clone, nor in its folder go, as in an sdist")
    shutil.copytree(root / "go", scratch)
    shutil.copytree(root / "gopyrpc", scratch / "python" / "gopyrpc")
    return scratch


def files_of(go, module):
    """Return the files of the Go module that the library and the command are built of, by their paths in it."""
    found = {"go.mod", "go.sum"}
    fields = "GoFiles", "IgnoredGoFiles", "CgoFiles", "CFiles", "HFiles", "SFiles", "IgnoredOtherFiles", "EmbedFiles"
    for architecture in ARCHITECTURES:
        packages = LIBRARY[1][-1], COMMAND[1][-1]
        said = go.run(module, "list", "-deps", f"-json=Dir,Module,{','.join(fields)}", *packages, GOOS=SYSTEM, GOARCH=architecture)
        for package in every_json(said):
            if package.get("Module", {}).get("Main"):
                folder = Path(package["Dir"]).relative_to(module.resolve())
                names = [name for field in fields for name in package.get(field, ())]
                found.update((folder / name).as_posix() for name in names if not name.endswith("_test.go"))
    return found


def every_json(text):
    """Yield the values of a text that has one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at = re.compile(r"\s*").match(text, at).end()
        value, at = decoder.raw_decode(text, at)
        yield value


def platform(go):
    """Return the platform of the wheel's name."""
    named = os.environ.get("GOPYRPC_WHEEL_PLATFORM")
    if named:
        return named
    if go.system == SYSTEM:
        return f"linux_{ARCHITECTURES.get(go.architecture, go.architecture)}"
    return re.sub(r"[^a-zA-Z0-9]", "_", sysconfig.get_platform())


def is_supported(go):
    return go.system == SYSTEM and go.architecture in ARCHITECTURES and (has_glibc() or "CC" in os.environ)


def has_glibc():
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):
        return False
