"""Interrupts the functions of interrupted.py at every place where that can be, one after the other, and looks after each
what it has left behind. In one thread, so that nobody else has anything."""

import os
import sys
import threading
import types

with open("testdata/interrupted.py") as file:
    exec(compile(file.read(), "interrupted.py", "exec"))

MOST = 150  # places of one function: loops come by the same ones again
NEVER = 3600  # seconds until a second exception

functions = [f for f in everything if f not in (starts_without_threading, executes_in_a_shared_pool)]  # noqa: F821
locks = {"Lock": lock, "RLock": rlock, "own": own_lock, "held": managed, "nested": generated, "Condition": condition}  # noqa: F821
locks.update({"Queue": jobs.mutex, "Event": event._cond, "Semaphore": semaphore, "logging": log.handlers[0].lock})  # noqa: F821
wanted = passed = 0  # the number of the place, and of the last one that was met
place = None
problems = []


def codes_of(value):
    """The code objects of a function or a class."""
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, type):
        return [code for member in vars(value).values() for code in codes_of(member)]
    code = getattr(value, "__code__", None)
    return [code, *(c for c in code.co_consts if isinstance(c, types.CodeType))] if code else []


codes = {id(c): c for v in list(globals().values()) for c in codes_of(v) if c.co_filename == "interrupted.py"}


def begin():
    """Has this thread look, as the bridge would have a call's."""
    mark = bridge["new_mark"]()
    bridge["due"][threading.get_ident()] = mark
    if hasattr(sys, "monitoring"):
        bridge["set_traps"](codes)
    else:
        sys.setprofile(traced)
        sys.settrace(traced)
    return mark


def traced(frame, event, arg):
    number = {"call": 0, "return": 3, "c_return": 6, "opcode": 7}.get(event)
    if number is not None and frame.f_code.co_filename != __file__:
        bridge["on_event"](frame, number, arg)
    return traced


def end(mark):
    mark[0] = None
    if hasattr(sys, "monitoring"):
        bridge["set_traps"]({})
    else:
        sys.settrace(None)
        sys.setprofile(None)


def only_the_wanted(frame, mark):
    global passed, place
    if frame.f_code.co_filename == __file__ or not harmless(frame, mark):
        return False
    passed += 1
    if passed < wanted:
        return False
    place = frame.f_code.co_filename, frame.f_lineno, frame.f_lasti
    return True


def is_interrupted(function, number):
    """Whether the function has a place of that number."""
    global wanted, passed, place
    wanted, passed, place = number, 0, None
    mark = begin()
    try:
        function()
    except BaseException:  # Interrupted, or what an event loop has made of it
        return place is not None
    finally:
        end(mark)
    if place is not None:
        problems.append("%s: an exception at %r was lost" % (function.__name__, place))
    return place is not None


def look_after(function):
    taken = []

    def take():
        for name, one in locks.items():
            if one.acquire(blocking=False):
                one.release()
            else:
                taken.append(name)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    if taken:
        problems.append("%s: an exception at %r has left taken: %s" % (function.__name__, place, ", ".join(taken)))
    return not taken


def run(data):
    while True:
        pass


def everywhere(data):
    global bridge, harmless
    bridge = sys.modules["_gopyrpc_bridge"].__dict__
    harmless = bridge["harmless"]
    bridge.update(harmless=only_the_wanted, QUIET=NEVER, MASKED_FOR=0)  # as if each had waited for its lock for long
    places = 0
    for function in functions:
        number = 1
        while number <= MOST and is_interrupted(function, number) and look_after(function):
            number += 1
        places += number - 1
    return b"%d places\n" % places + "\n".join(problems).encode()
