"""Known hazards of Core ML packages, found without a Mac."""

from .linting import lint
from .rule import Finding, Rule
from .rules import RULES

__all__ = ["RULES", "Finding", "Rule", "lint"]
