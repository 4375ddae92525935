"""The URLs of init_method."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from operator import index

from .._name import PACKAGE
from . import launchers

KINDS = f"env://, tcp://host:port, file:///path or {PACKAGE}://host:port"


# The world size of a group whose workers come and go.
OPEN = 0


class InitMethod:
    """Where a group meets, as a URL says it, and which worker this is where it says that.

    ``kind`` is env, tcp, file or gopyrpc; ``host`` and ``port``, or ``path``; ``coordinator`` is the name of worker 0 in
    ``gopyrpc://name@host:port``. ``rank`` and ``world_size`` are None where the URL does not say them.
    """

    def __init__(self, url):
        from urllib.parse import parse_qs, unquote, urlsplit

        self.url = url
        parts = urlsplit(url)
        self.kind = parts.scheme
        self._address = self.path = None
        self.coordinator = ""
        try:
            self._place(parts, unquote)
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            self.rank, self.world_size = (_number(query.pop(name, None)) for name in ("rank", "world_size"))
        except ValueError as exc:
            raise ValueError(f"init_method {url!r} cannot be read: {exc}") from None
        if query:
            raise ValueError(f"init_method {url!r} says {', '.join(query)}, and can say rank and world_size")

    def _place(self, parts, unquote):
        if self.kind == "env":
            return  # the environment is asked when the place is needed
        if self.kind in ("tcp", PACKAGE):
            if not parts.hostname or parts.port is None:
                raise ValueError(f"expected {self.kind}://host:port")
            self._address = parts.hostname, str(parts.port)
            self.coordinator = parts.username or ""
        elif self.kind == "file":
            self.path = unquote(parts.netloc + parts.path)
            if not self.path:
                raise ValueError("expected file:///path of a file that all workers reach")
        else:
            raise ValueError(f"init_method must be {KINDS}")

    @property
    def host(self):
        return self._where()[0]

    @property
    def port(self):
        return self._where()[1]

    def _where(self):
        if self._address is None:
            self._address = launchers.meeting_place() if self.kind == "env" else (None, None)
        return self._address

    def number(self, name, given, variables):
        """Return the rank, or the size of the group: as given, as the URL says it, or as the environment does."""
        if given is not None:
            try:
                given = index(given)
            except TypeError:
                raise TypeError(f"{name} must be an int, not {given!r}") from None
        said = getattr(self, name)
        if given is None or given < 0:
            return launchers.number(variables, name) if said is None else said
        if said not in (None, given):
            raise ValueError(f"{name}={given} is given, and init_method {self.url!r} says {said}")
        return given

    def is_open(self, given):
        """Tell whether nobody says the size of the group: then its workers come and go."""
        return given is None and self.world_size is None and not launchers.say(launchers.WORLD_SIZE)

    def address(self):
        """Return ``host:port``."""
        return address_of(self.host, self.port)


def address_of(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _number(values):
    if values is None:
        return None
    if len(values) != 1 or not values[0].isdecimal():
        raise ValueError(f"expected one number, not {', '.join(values)!r}")
    return int(values[0])
