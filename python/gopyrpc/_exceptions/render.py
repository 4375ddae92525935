"""Turn a record (see capture) into the text that a person reads.

The module ``traceback`` does not help: the source is the record and not the live exception,
so the text can be made late, on either side, and only if a program looks at it.
"""

from .._builtins import snapshot as __builtins__  # noqa: F401 - see _builtins

from .._name import INTERNAL

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_MAX_DEPTH = 10  # of groups in groups


def render(record, last_hop=False):
    """Return torch's form: ``On {worker}:\\n{repr}\\n{traceback}``.

    With *last_hop* the text is without the texts of earlier hops. These are errors of
    the record themselves, and would be there twice as often with each hop.
    """
    if "msg" in record:  # made by hand, from a finished text
        return record["msg"]
    errors = record["errors"]
    return f"On {record['worker']}:\n{errors[0]['repr']}\n{traceback(record, last_hop)}"


def traceback(record, last_hop=False):
    text = _chain(record["errors"], 0, 0, last_hop)
    if record.get("truncated"):
        text += "[further chained exceptions were left out]\n"
    return text


def _chain(errors, i, depth, last_hop=False):
    """Render error *i* after its causes, the oldest first, as Python does."""
    parts = []
    seen = set()
    while i is not None and i not in seen:
        seen.add(i)
        error = errors[i]
        parts.append(_one(errors, error, depth))
        cause, context = error.get("cause"), error.get("context")
        if cause is not None:
            i, banner = cause, _CAUSE
        elif context is not None and not error.get("suppress"):
            i, banner = context, _CONTEXT
        else:
            break
        if last_hop and is_hop(errors[i]):
            break
        if i not in seen:
            parts.append(banner)
    parts.reverse()
    return "".join(parts)


def _one(errors, error, depth):
    lines = []
    frames = error.get("frames") or ()
    if frames:
        lines.append("Traceback (most recent call last):\n")
    gap = error.get("frames_omitted") and len(frames) // 2
    for n, (file, line, function, source) in enumerate(frames):
        if gap and n == gap:
            lines.append(f"  [{error['frames_omitted']} frames left out]\n")
        lines.append(f'  File "{file}", line {line}, in {function}\n')
        if source:
            lines.append(f"    {source}\n")
    lines.append(headline(error) + "\n")
    lines.extend(f"{note}\n" for note in error.get("notes") or ())
    for n, member in enumerate(error.get("members") or (), 1):
        lines.append(f"  +---------------- {n} ----------------\n")
        if member is None or depth >= _MAX_DEPTH:
            lines.append("  | ...\n")
        else:
            text = _chain(errors, member, depth + 1)
            lines.extend(f"  | {line}\n" for line in text.splitlines())
    return "".join(lines)


def is_hop(error):
    return (error["module"], error["qualname"]) == (INTERNAL, "RemoteTraceback")


def full_name(error):
    module, qualname = error["module"], error["qualname"]
    return qualname if module in ("", "builtins") else f"{module}.{qualname}"


def headline(error):
    text = error["text"]
    return f"{full_name(error)}: {text}" if text else full_name(error)
