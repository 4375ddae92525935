"""Exceptions that travel: captured as plain data where they are raised, rebuilt where the call was made."""
