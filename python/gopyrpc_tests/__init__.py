"""Tests of the embedded package, runnable without Go:

    python3 -m unittest discover -s python/gopyrpc_tests -t python
"""
