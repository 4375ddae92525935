"""A module that is in no list. A process that imports it has run its code."""

open("canary", "w").close()
