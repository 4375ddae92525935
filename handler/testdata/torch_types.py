"""Types that torch's compilation unit knows once this is imported."""

import torch


@torch.jit.script
class Model:
    def __init__(self):
        self.size = 1


@torch.jit.interface
class Shape:
    def area(self, scale: int) -> int:
        pass
