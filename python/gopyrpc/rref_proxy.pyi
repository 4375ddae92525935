from . import RRefProxy as RRefProxy

__all__ = ["RRefProxy"]
