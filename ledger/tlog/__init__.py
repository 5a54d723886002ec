"""The formats of the Merkle log, one a file, each readable beside its specification.

Not for storage, clocks or keys. These modules need the standard library and `cryptography` only,
so that a stranger can run them.
"""
