"""Functions that `gopyrpc demo` calls, as a user's own module would have them."""


class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        """A method: the object travels with the call."""
        self.balance += amount
        return self

    def __repr__(self):
        return f"Account({self.owner!r}, {self.balance})"


class Overdrawn(ValueError):
    """An exception with a constructor that a message alone cannot call."""

    def __init__(self, account, *, missing):
        super().__init__(account, missing)
        self.account = account
        self.missing = missing

    def __str__(self):
        return f"{self.account!r} lacks {self.missing}"


def greet(name, *, greeting="Hello"):
    return f"{greeting}, {name}"


def withdraw(account, amount):
    if amount > account.balance:
        raise Overdrawn(account, missing=amount - account.balance)
    account.balance -= amount
    return account


def unpicklable():
    return (line for line in ["a generator has no pickled form"])


def matmul(a, b):
    return a @ b


def normalise(tensor):
    return (tensor - tensor.mean()) / tensor.std()
