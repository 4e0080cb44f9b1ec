"""Compiled core: numba functions on bare integers and arrays; imports numpy and numba only."""
