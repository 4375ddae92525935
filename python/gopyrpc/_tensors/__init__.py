"""Tensors: how they are taken out of pickles, and put back. torch is never imported from here."""
