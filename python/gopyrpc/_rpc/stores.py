"""The stores of torch in which rank 0 leaves word of where its agent is.

What a store says proves nothing: rank 0 proves its name to the others as every worker does.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import sys
from contextlib import suppress
from os.path import exists
from time import monotonic, sleep

from .._name import PACKAGE
from .init_method import address_of

_BETWEEN_LOOKS = 0.02, 0.5  # seconds: the first, and the longest
_TO_CONNECT = 60  # seconds
_SIZES = "=I"  # what a FileStore has before each text


class TorchStore:
    """A store of torch's that a program has made."""

    def __init__(self, store):
        self._store = store

    # A number that counts how often there is a text can be asked for without waiting, and be waited for without a
    # timeout in C++, after which a store's connection may be out of step.

    def set(self, key, text):
        self._store.set(key, text)
        self._store.add(key + "/there", 1)

    def look(self, key):
        if self._store.add(key + "/there", 0) < 1:
            return None
        return self._store.get(key).decode()

    def remove(self, key):
        self._store.add(key + "/there", -1)


class TCPStore(TorchStore):
    """torch's TCPStore at a port that somebody else serves."""

    def __init__(self, host, port):
        self._where = address_of(host, port)
        try:
            from torch.distributed import TCPStore as Store
        except ImportError as exc:
            raise RuntimeError(
                f"the group cannot meet at {self._where}: what listens there is no gopyrpc worker, and may be a store of"
                f" torch's, which this process cannot ask, as it cannot import torch.distributed ({exc}). Give"
                f" init_method='{PACKAGE}://host:port' with another port"
            ) from exc
        try:
            store = within(_TO_CONNECT, lambda: self._reach(Store, host, port), self._late)
        except (RuntimeError, TimeoutError) as exc:
            raise RuntimeError(
                f"the group cannot meet at {self._where}: what listens there is neither a gopyrpc worker nor a store of torch's"
                f" ({exc}). Set MASTER_PORT, or the port of init_method, to one that no other program has"
            ) from exc
        super().__init__(store)

    @staticmethod
    def _reach(Store, host, port):
        from datetime import timedelta

        store = Store(host, int(port), is_master=False, timeout=timedelta(seconds=_TO_CONNECT), wait_for_workers=False)
        store.add(f"{PACKAGE}/reached", 1)
        return store

    def _late(self, seconds):
        print(
            f"{PACKAGE}: what listens at {self._where} is no {PACKAGE} worker, and has not answered as a store of torch's for"
            f" {seconds} s: another program may have the port",
            file=sys.stderr,
            flush=True,
        )


class FileStore:
    """A file as torch's FileStore keeps it, so that a process group may use the same. torch itself is not needed.

    The file has keys and values, each after its length; the last one of a key counts.
    """

    def __init__(self, path):
        self._path = path

    def set(self, key, text):
        self._append("/" + key, text)

    def remove(self, key):
        with suppress(FileNotFoundError):  # whoever made the file may have removed it
            if exists(self._path):
                self._append("-/" + key, "")

    def look(self, key):
        """Return the text, None where there is none."""
        from fcntl import LOCK_SH, flock

        try:
            file = open(self._path, "rb")
        except FileNotFoundError:
            return None
        with file:
            flock(file, LOCK_SH)
            texts = list(_texts(file.read()))
        found = None
        for name, value in zip(texts[::2], texts[1::2]):
            if name == b"/" + key.encode():
                found = value.decode()
            elif name == b"-/" + key.encode():
                found = None
        return found

    def _append(self, *texts):
        from fcntl import LOCK_EX, flock
        from os import O_APPEND, O_CREAT, O_WRONLY, open as open_file
        from struct import pack

        record = b"".join(pack(_SIZES, len(data)) + data for data in (text.encode() for text in texts))
        try:
            descriptor = open_file(self._path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        except OSError as exc:
            raise type(exc)(exc.errno, f"the file of init_method cannot be written: {exc.strerror}", self._path) from None
        with open(descriptor, "ab", buffering=0) as file:
            flock(file, LOCK_EX)
            file.write(record)


def _texts(data):
    from struct import calcsize, unpack_from

    size, at = calcsize(_SIZES), 0
    while at + size <= len(data):
        (length,) = unpack_from(_SIZES, data, at)
        yield data[at + size : at + size + length]
        at += size + length


def within(seconds, work, late):
    """Return what *work* returns, or raise what it raises; TimeoutError where it has done neither after some *seconds*.

    It runs in a thread: C++ that waits for a peer which says nothing heeds neither a timeout of torch's nor Ctrl-C.
    *late* is called with how many seconds it has taken so far.
    """
    from threading import Thread

    outcome = []

    def run():
        try:
            outcome.append((work(), None))
        except BaseException as exc:
            outcome.append((None, exc))

    thread = Thread(target=run, name=f"{PACKAGE}-store", daemon=True)
    thread.start()
    began, remind = monotonic(), 10
    while True:
        thread.join(max(0, min(remind, seconds) - (monotonic() - began)))
        if outcome:
            break
        if monotonic() - began >= seconds:
            raise TimeoutError(f"it has said nothing for {seconds} s")
        late(remind)
        remind *= 2
    value, exc = outcome[0]
    if exc is not None:
        raise exc
    return value


def poll(look, late):
    """Return what *look* returns, once that is not None. *late* is called with how many seconds it has taken so far."""
    began, pause = monotonic(), _BETWEEN_LOOKS[0]
    remind = 10
    while True:
        found = look()
        if found is not None:
            return found
        if monotonic() - began > remind:
            late(remind)
            remind *= 2
        sleep(pause)
        pause = min(pause * 1.5, _BETWEEN_LOOKS[1])
