"""What listens at a port: nothing, a gopyrpc worker, or something else, as a store of torch's."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

import socket
from contextlib import suppress
from time import sleep

NOBODY, WORKER, OTHER = "nobody", "a gopyrpc worker", "something else"

# How HTTP/2 begins, which a worker answers with its settings. A store of torch's ends such a connection.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4
_LEAVING = 0.1  # seconds between a worker's listener is left without answers and its end
_PATIENCE = 2.0  # seconds: a machine that is busy


def listener(host, port, certificate):
    """Return NOBODY, WORKER or OTHER.

    *certificate* has the files of this process's certificate and key, None where it knows of none. Workers then speak
    no TLS, as far as it knows. A worker that asks for one would say in its log that somebody came without.
    """
    found = _look(host, port, certificate)
    if found == OTHER:  # or a worker that is leaving, which ends connections as a store does
        sleep(_LEAVING)
        found = _look(host, port, certificate)
    return found


def _look(host, port, certificate):
    try:
        with socket.create_connection((host, int(port)), _PATIENCE) as conn:
            if certificate is None and _answers_http2(conn):
                return WORKER
    except OSError:
        return NOBODY
    return WORKER if _speaks_tls(host, port, certificate) else OTHER


def _answers_http2(conn):
    try:
        conn.settimeout(_PATIENCE)
        conn.sendall(_PREFACE)
        answer = b""
        while len(answer) < 4:
            more = conn.recv(64)
            if not more:
                return False
            answer += more
        return answer[3] == _SETTINGS
    except OSError:
        return False


def _speaks_tls(host, port, certificate):
    """Tell whether there is TLS. Nothing is said in it, and so nobody need be proved to be there."""
    try:
        import ssl
    except ImportError:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        if certificate is not None:
            context.load_cert_chain(*certificate)
        with socket.create_connection((host, int(port)), _PATIENCE) as conn, context.wrap_socket(conn) as tls:
            with suppress(OSError):
                tls.unwrap()  # says that this was all: the worker's log need not
            return True
    except ssl.SSLError as exc:
        return "ALERT" in str(exc).upper()  # from the other side, which therefore speaks TLS
    except OSError:
        return False
