"""Arithmetic that can take long."""


def count(below):
    """Count the primes below a number, slowly."""
    if below < 0:
        raise ValueError("a number from 0 on was expected")
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(2, below))
