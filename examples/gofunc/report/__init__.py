"""A report that asks its caller for what it needs."""


def line(name, temperature):
    """Say how warm it is. *temperature* may be any function, one of Go too."""
    try:
        return f"{name}: {temperature(name):+.1f} °C"
    except KeyError as missing:
        return f"{name}: unknown ({missing.args[0]})"
