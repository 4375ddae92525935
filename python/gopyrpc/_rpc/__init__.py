"""Calls among workers, and RRefs. Loaded where there is an agent."""
