"""Payloads of restricted peers: what their lists let in, and what it becomes. Go has read them: see handler/policy."""
