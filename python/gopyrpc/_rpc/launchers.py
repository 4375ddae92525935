"""What launchers say in the environment: which worker this process is, of how many, and where the group meets.

The variables are looked up in the order of the tables. RANK and WORLD_SIZE come first: torchrun, ``gopyrpc run -n`` and
Kubeflow set them, and people do. What mpirun and mpiexec set comes before what Slurm sets, as a batch script of Slurm is
its task 0, and so is all that it starts by other means than srun.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from os import environ

RANK = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", "JOB_COMPLETION_INDEX")
WORLD_SIZE = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
_LOCAL_SIZE = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")
_NODES = ("SLURM_STEP_NUM_NODES", "SLURM_NNODES")
_NODE_LIST = ("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST")

_FIRST_PORT, _PORTS = 20000, 10000  # of Slurm's jobs, each of which has one of its own


def number(variables, argument):
    """Return the number that the first of the variables has which is set. ValueError where none is, or has another thing."""
    name = _first(variables)
    text = environ.get(name, "")
    if not text.isdecimal():
        others = "" if name != variables[0] or text else f" (and there is no {', '.join(variables[1:])})"
        raise ValueError(
            f"{argument} parameter missing: it is not given, and environment variable {name} expected, which is {text!r}{others}:"
            f" pass {argument}=, or run the program with gopyrpc run -n"
        )
    return int(text)


def say(variables):
    """Tell whether one of the variables is set."""
    return bool(environ.get(_first(variables)))


def spread(rank, world_size):
    """Tell whether the launcher says that the group has workers on other machines. It is not asked about another group."""
    if environ.get(_first(RANK)) != str(rank) or environ.get(_first(WORLD_SIZE)) != str(world_size):
        return False
    local = environ.get(_first(_LOCAL_SIZE), "")
    if local.isdecimal():
        return int(local) < world_size
    nodes = environ.get(_first(_NODES), "")
    if _first(RANK) == "SLURM_PROCID" and nodes.isdecimal():
        return int(nodes) > 1
    return _first(RANK) == "JOB_COMPLETION_INDEX" and world_size > 1  # each is a pod


def meeting_place():
    """Return the host and the port at which the group meets."""
    host = environ.get("MASTER_ADDR") or _first_node()
    port = environ.get("MASTER_PORT") or _port_of_job()
    missing = [name for name, value in (("MASTER_ADDR", host), ("MASTER_PORT", port)) if not value]
    if missing:
        raise ValueError(
            f"the environment has no {' and no '.join(missing)}: set them to where worker 0 is,"
            " give init_method='tcp://host:port', or run the program with gopyrpc run -n"
        )
    return host, port


def holds_store():
    """Tell whether the port of the meeting is the launcher's own store's, as torchrun's may be."""
    return environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def attempt():
    """Return which attempt of the launcher's this process is of: a group that is started again meets again."""
    return environ.get("TORCHELASTIC_RESTART_COUNT", "0")


def _first(variables):
    return next((name for name in variables if environ.get(name)), variables[0])


def _first_node():
    """Return the name of the node on which Slurm has task 0, "" without Slurm."""
    return first_of(environ.get(_first(_NODE_LIST), ""))


def first_of(nodes):
    """Return the first name of a list as Slurm writes it: n1 of ``n[1-3,7],gpu2``."""
    name, depth = [], 0
    for letter in nodes:
        if letter == "[":
            depth = 1
        elif letter == "]":
            depth = 0
        elif depth == 0 and letter == ",":
            break
        elif depth == 1 and letter in "-,":
            depth = 2  # what follows up to the bracket are other nodes
        elif depth != 2:
            name.append(letter)
    return "".join(name)


def _port_of_job():
    job = environ.get("SLURM_JOB_ID", "")
    return str(_FIRST_PORT + int(job) % _PORTS) if job.isdecimal() else ""


