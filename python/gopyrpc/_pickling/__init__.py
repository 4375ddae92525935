"""Pickling what calls take and return."""
