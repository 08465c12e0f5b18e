"""Raising the declared version of a dependency, in each kind of file that declares some."""
