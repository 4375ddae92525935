"""Payloads of restricted peers: what the lists let in, and what payloads become. Go reads payloads first: see handler/policy."""
