"""What a program says of its agent: RpcBackendOptions."""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from os import PathLike, environ, fspath

from .._name import PACKAGE
from .._public import public
from ..constants import DEFAULT_INIT_METHOD, DEFAULT_NUM_WORKER_THREADS, DEFAULT_RPC_TIMEOUT_SEC
from .calls import checked_seconds
from .lacking import lacking

#: The fields that say who may call, and how much. Go has the table (agent/pyworker/settings), which says what each
#: means; the environment has them as GOPYRPC_TLS_CERT and so on, and the command as --tls-cert.
SETTINGS = (
    "tls_cert", "tls_key", "tls_ca", "token_file", "token",
    "listen", "advertise", "insecure", "allow", "guest",
    "max_message", "max_call_time", "max_minute_time", "max_result", "max_calls",
    "rref_lease", "log_level", "print_failures",
)  # fmt: skip

_VARIABLES = PACKAGE.upper() + "_"

# What of TensorPipe's can be asked for: bytes travel by sockets or by shared memory, as gopyrpc chooses.
_TRANSPORTS = ("shm", "uv")
_CHANNELS = ("basic", "cma", "mpt_uv", "xth")


class RpcBackendOptions:
    """``rpc_timeout`` in seconds, ``init_method`` (see `init_rpc`), and who may call.

    The fields after those of torch say what the settings of their names do, such as the variable GOPYRPC_TLS_CERT for
    ``tls_cert``, and come before these: TLS files, a token, what may be called (``allow``, a list), limits. Times are in
    seconds or texts such as "30s", sizes in bytes or texts such as "64MiB".

    What TensorPipe's options have beside these is accepted where gopyrpc does it anyway, as threads come when calls need
    them, and refused where it cannot: maps of devices.
    """

    def __init__(
        self,
        *,
        num_worker_threads=DEFAULT_NUM_WORKER_THREADS,
        rpc_timeout=DEFAULT_RPC_TIMEOUT_SEC,
        init_method=DEFAULT_INIT_METHOD,
        device_maps=None,
        devices=None,
        _transports=None,
        _channels=None,
        tls_cert=None,
        tls_key=None,
        tls_ca=None,
        token_file=None,
        token=None,
        listen=None,
        advertise=None,
        insecure=None,
        allow=None,
        guest=None,
        max_message=None,
        max_call_time=None,
        max_minute_time=None,
        max_result=None,
        max_calls=None,
        rref_lease=None,
        log_level=None,
        print_failures=None,
    ):
        if not isinstance(num_worker_threads, int) or num_worker_threads < 1:
            raise ValueError(f"num_worker_threads must be a positive number, not {num_worker_threads!r}")
        if not isinstance(init_method, str):
            raise TypeError(f"init_method must be a URL such as env://, not {init_method!r}")
        self.num_worker_threads = num_worker_threads
        self.rpc_timeout = seconds_of(rpc_timeout)
        self.init_method = init_method
        self.device_maps = {}
        self.devices = []
        for worker, device_map in (device_maps or {}).items():
            self.set_device_map(worker, device_map)
        self.set_devices(devices or [])
        _refuse_unknown("_transports", _transports, _TRANSPORTS)
        _refuse_unknown("_channels", _channels, _CHANNELS)
        self.tls_cert = tls_cert
        self.tls_key = tls_key
        self.tls_ca = tls_ca
        self.token_file = token_file
        self.token = token
        self.listen = listen
        self.advertise = advertise
        self.insecure = insecure
        self.allow = allow
        self.guest = guest
        self.max_message = max_message
        self.max_call_time = max_call_time
        self.max_minute_time = max_minute_time
        self.max_result = max_result
        self.max_calls = max_calls
        self.rref_lease = rref_lease
        self.log_level = log_level
        self.print_failures = print_failures

    def set_device_map(self, to, device_map):
        """Refuse a map of devices, unless it is empty."""
        if device_map:
            raise lacking(f"device maps: of device_maps[{to!r}] tensors travel by way of the CPU")

    def set_devices(self, devices):
        """Refuse devices, unless there are none."""
        if devices:
            raise lacking("devices of its own: tensors travel by way of the CPU")


class TensorPipeRpcBackendOptions(RpcBackendOptions):
    """`RpcBackendOptions`, under the name that programs of torch know."""


def seconds_of(timeout):
    """Return rpc_timeout as a float. TypeError for what is no number, as a timedelta; ValueError below 0."""
    if isinstance(timeout, (str, bytes)) or not hasattr(timeout, "__float__"):
        raise TypeError(f"rpc_timeout must be seconds, as a number, not {timeout!r} (incompatible constructor arguments)")
    return checked_seconds("rpc_timeout", timeout)


def require_options(options):
    """Raise TypeError unless *options* are options of an agent: ours, or some that torch makes."""
    if not isinstance(options, RpcBackendOptions) and not (hasattr(options, "rpc_timeout") and hasattr(options, "init_method")):
        raise TypeError(f"Argument rpc_backend_options must be an instance of RpcBackendOptions, not {options!r}")


def are_own(options):
    """Tell whether *options* are those of this package's agents, and not of another kind's."""
    others = isinstance(options, RpcBackendOptions) and not isinstance(options, TensorPipeRpcBackendOptions)
    return not others or type(options) is RpcBackendOptions


def checked(options):
    """Return the options that a program gave init_rpc, where torch made them as ours. TypeError for what are none."""
    require_options(options)
    if isinstance(options, RpcBackendOptions):
        return options
    return RpcBackendOptions(
        num_worker_threads=getattr(options, "num_worker_threads", DEFAULT_NUM_WORKER_THREADS),
        rpc_timeout=options.rpc_timeout,
        init_method=options.init_method,
        device_maps=getattr(options, "device_maps", None),
        devices=getattr(options, "devices", None),
        **{name: getattr(options, name) for name in SETTINGS if hasattr(options, name)},
    )


def settings_of(options):
    """Return the settings that the options say something of, in what Go takes: texts, numbers, bools, and lists."""
    settings = {}
    for name in SETTINGS:
        value = getattr(options, name)
        if value is None:
            continue
        if isinstance(value, PathLike):
            value = fspath(value)
        elif isinstance(value, (tuple, set, frozenset)):
            value = list(value)
        elif isinstance(value, dict):
            value = [f"{worker}={one}" for worker, one in value.items()]
        settings[name] = value
    return settings


def variables():
    """Return the variables of the environment that may be settings. Go sees the environment as it was at its start."""
    return {name: value for name, value in environ.items() if name.startswith(_VARIABLES)}


def _refuse_unknown(option, wanted, known):
    for name in wanted or ():
        if name not in known:
            raise lacking(f"the {name} of {option}={list(wanted)!r}: it has {', '.join(known)}")


public(RpcBackendOptions, TensorPipeRpcBackendOptions)
