"""RPC modules: what the agent holds of a module, for this package and for other modules, torch's above all."""
