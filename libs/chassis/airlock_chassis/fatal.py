"""The error that ends a process at its start."""


class Fatal(Exception):
    """This process cannot do its work: one clear line for a person, and exit code 1."""
