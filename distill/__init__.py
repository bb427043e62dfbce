"""Train a small student from a BERT-family teacher, and measure both."""


class DistillError(Exception):
    """A problem the user can mend; its message is one line that says how."""
