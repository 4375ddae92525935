# Asked of an interpreter that gopyrpc's discovery could not understand by reading files.
# It must run on every Python 3, PyPy included, so that the refusal can say what was found.
import json
import sys
import sysconfig


def mapped():
    """The libpythons that this very process has loaded."""
    try:
        with open("/proc/self/maps", "rb") as maps:
            paths = {line.split(None, 5)[5].strip() for line in maps if b"/libpython3." in line}
    except (OSError, IndexError):
        return []
    return sorted(path.decode("utf-8", "replace") for path in paths)


def known(*values):
    return [value for value in values if value]


var = sysconfig.get_config_var
libdir, multiarch = var("LIBDIR"), var("MULTIARCH")
print(json.dumps({
    "implementation": sys.implementation.name,
    "major": sys.version_info[0],
    "minor": sys.version_info[1],
    "executable": sys.executable,
    "base_prefix": sys.base_prefix,
    "free_threaded": bool(var("Py_GIL_DISABLED")),
    "abi": getattr(sys, "abiflags", ""),
    "mapped": mapped(),
    "names": [name for name in known(var("INSTSONAME"), var("LDLIBRARY")) if any(part in name for part in (".so", ".dylib", ".framework/"))],
    "dirs": known(libdir, libdir and multiarch and libdir + "/" + multiarch, var("PYTHONFRAMEWORKPREFIX")),
}))
