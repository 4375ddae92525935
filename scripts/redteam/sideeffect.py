"""A module that nobody listed. Who imports it has run code of it."""

open("canary", "w").close()
