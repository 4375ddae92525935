"""Writes seeds.txt anew: of the corpus, the small pickles that have two opcodes in a row as none before them."""

import pickletools
import sys

sys.dont_write_bytecode = True

import corpus

REFUSED = ("subclass of set in itself", "subclass of set with", "set of an instance", "frozenset of an instance")


def main():
    lines, seen = [], set()
    for name, data in corpus.pickles():
        ops = [op.name for op, _, _ in pickletools.genops(data)]
        pairs = set(zip(ops, ops[1:]))
        if len(data) <= 420 and not pairs <= seen and not name.decode().startswith(REFUSED):
            seen |= pairs
            lines.append(f"{name.decode()}\t{data.hex()}")
    lines += [f"by hand\t{data.hex()}" for data in by_hand()]
    with open("seeds.txt", "w") as file:
        file.write("\n".join(lines) + "\n")


def by_hand():
    """What CPython writes in larger pickles only."""
    memo = b"".join(b"]" + (b"q%c" % i if i < 256 else b"r" + i.to_bytes(4, "little")) for i in range(258))
    yield b"\x80\x02(" + memo + b"t."
    yield b"\x80\x04(" + b"]\x94" * 257 + b"j\x00\x01\x00\x00t."
    yield b"\x80\x02\x8b\x03\x00\x00\x00\x01\x02\x83."
    yield b"\x80\x04\x8d\x02" + b"\0" * 7 + b"ab."
    yield b"\x80\x04\x8e\x02" + b"\0" * 7 + b"ab."


main()
