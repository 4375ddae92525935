"""How a group finds together.

Everybody knows one address, that of init_method. Where nothing listens there, the agent of rank 0 does, and the others
ask it. Where somebody else has the port, it is a store of torch's: torchrun's, or that of a process group which uses the
same MASTER_PORT. Then rank 0's agent listens elsewhere, and the store says where. With torch in the process, rank 0 gives
the port up again when all have met, so that a process group can have it next.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys
from contextlib import suppress
from weakref import WeakKeyDictionary

from .._name import PACKAGE
from . import hosts, launchers, probe, stores
from .init_method import OPEN

# How many groups of a size have met at a place, in this process: each has its own key in a store. Others of the group
# may have met elsewhere, or alone.
_met = {}
_met_by_store = WeakKeyDictionary()  # the same, of groups that met by a store that the program gave


def join(starter, me, place, settings, variables, store=None):
    """Start the agent of *me*, ``(name, rank, world_size, timeout)``, and return when the whole group is there.

    *place* is an InitMethod. With a *store*, one of torch's, the group meets by that.
    """
    _, rank, world_size, _ = me
    if store is not None:
        counts, where = _met_by_store.setdefault(store, {}), world_size
    else:
        counts, where = _met, (place.kind, place.host, place.port, place.path, world_size)
    met = counts.get(where, 0)
    meeting = _Meeting(starter, me, settings, variables, launchers.spread(rank, world_size), met)
    try:
        if store is not None:
            meeting.by_store(stores.TorchStore(store), None)
        elif place.kind == "file":
            meeting.by_store(stores.FileStore(place.path), None)
        elif place.kind == PACKAGE:
            meeting.directly(place.address(), place.coordinator, lent=False)
        else:
            meeting.at_port(place)
    except BaseException:
        starter.give_up()
        raise
    counts[where] = met + 1


class _Meeting:
    def __init__(self, starter, me, settings, variables, spread, met):
        self._starter, self._me = starter, me
        self._settings, self._variables = settings, variables
        self._spread, self._met = spread, met
        self._name, self._rank, self._world_size, _ = me

    def at_port(self, place):
        address = self._starter.find(place.address(), self._spread, self._settings, self._variables)
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if launchers.holds_store() and place.kind == "env":
            store = stores.TCPStore(host, port)
        else:
            store = None if port == "0" else self._store(host, port)
        if store is not None:
            self.by_store(store, address)
        else:
            self.directly(address, "", lent="torch.distributed" in sys.modules)

    def _store(self, host, port):
        """Return the store that has the port, None where rank 0's agent has it or is to have it."""
        while self._listener(host, port) == probe.OTHER:
            try:
                return stores.TCPStore(host, port)
            except RuntimeError:
                # A worker of an earlier group that is leaving looks like a store, and is gone a moment later.
                if self._listener(host, port) == probe.OTHER:
                    raise
        return None

    def _listener(self, host, port):
        """Tell what listens there; for others than rank 0, once something does."""
        certificate = self._certificate()
        if self._rank == 0:
            return probe.listener(host, port, certificate)

        def look():
            found = probe.listener(host, port, certificate)
            return None if found == probe.NOBODY else found

        return stores.poll(look, self._late(f"nothing listens at {host}, port {port}, where worker 0 is to be"))

    def _certificate(self):
        files = tuple(self._setting(name) for name in ("tls_cert", "tls_key"))
        return files if all(files) else None

    def _setting(self, name):
        return self._settings.get(name) or self._variables.get(f"{PACKAGE}_{name}".upper())

    def directly(self, address, coordinator, lent):
        """Meet at rank 0's agent, which listens at that address."""
        leads = self._rank == 0
        # The port of a group that grows is kept: others come to it.
        self._start(address, coordinator, leads, lent and leads and self._world_size != OPEN)
        self._starter.meet()

    def by_store(self, store, address):
        """Meet at rank 0's agent, of which the store at that address, None for a file, says where it listens."""
        grows = self._world_size == OPEN
        kinds = [f"{PACKAGE}/{launchers.attempt()}/{kind}" for kind in ("open", "fixed")]
        key = kinds[0] if grows else f"{PACKAGE}/{launchers.attempt()}/{self._world_size}/{self._met}"
        if self._rank != 0:
            late = self._late(f"the store {'' if address is None else 'at ' + address + ' '}has no word of worker 0")
            coordinator, _, address = stores.poll(lambda: self._word(store, key, kinds[grows]), late).partition("=")
            self._start(address, coordinator, False, False)
            self._starter.meet()
            return
        listens = self._start(address or self._somewhere(), "", False, False)
        store.set(key, f"{self._name}={listens}")
        try:
            self._starter.meet()
        except BaseException:
            store.remove(key)
            raise
        if grows:  # others may come for as long as this worker is there
            hosts.current().when_closed = lambda: _take_back(store, key)
        elif address is None:
            store.remove(key)  # a file stays, and may be of use again
            if isinstance(store, stores.FileStore):  # those who come to a group that grows are to hear of this one
                store.set(kinds[1], self._name)
                hosts.current().when_closed = lambda: store.remove(kinds[1])

    def _word(self, store, key, other):
        """Return the word of worker 0. RuntimeError where there is one of a group of the *other* kind."""
        word = store.look(key)
        if word is None and store.look(other) is not None:
            raise RuntimeError(
                "RPC group mixes statically and dynamically initialized members which is not supported."
                f" {self._name} has {'no' if self._world_size == OPEN else 'a'} world_size, and worker 0 of the group that is there is not so"
            )
        return word

    def _somewhere(self):
        """Return an address on whose interface an agent listens that a file tells of."""
        if not self._spread:
            return "127.0.0.1:0"
        from socket import gethostname

        return f"{gethostname()}:0"

    def _start(self, address, coordinator, hosts, lent):
        return self._starter.start(
            *self._me, address, coordinator, hosts, lent, self._spread, self._settings, self._variables
        )

    def _late(self, why):
        def late(seconds):
            print(f"{PACKAGE}: {self._name} has waited for {seconds} s: {why}", file=sys.stderr, flush=True)

        return late


def _take_back(store, key):
    with suppress(Exception):  # the store may have gone before, and its word with it
        store.remove(key)
