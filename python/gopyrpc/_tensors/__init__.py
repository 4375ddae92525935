"""Tensors: how they are taken out of pickles, and put back. The package never imports torch."""
