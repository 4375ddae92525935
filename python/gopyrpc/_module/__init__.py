"""RPC modules: what of one the agent holds, for this package and for others, torch's above all."""
