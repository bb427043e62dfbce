"""Measure neural inference, tokenization excluded."""


class BenchError(Exception):
    """A problem the user can mend; its message is one line that says how."""
