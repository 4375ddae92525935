"""Tests of the embedded package, runnable without Go:

    python3 -m unittest discover -s handler/gopyrpc_tests -t handler
"""
