"""A client in Python: the names are those of torch.distributed.rpc."""

import gopyrpc as rpc
from pricing import quote


def basket(server, items):
    """Add up the prices of {item: count}, all asked for at once."""
    quotes = [rpc.rpc_async(server, quote, args=order) for order in items.items()]
    return sum(future.wait() for future in quotes)
