"""`python -m export` lists the commands of this package."""

import sys

from distill.console.commands import list_commands

if __name__ == "__main__":
    sys.exit(list_commands("export"))
