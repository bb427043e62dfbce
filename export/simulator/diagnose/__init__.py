"""Which operation breaks first in half precision, and which lose most."""

from .diagnosing import Diagnosis, Loss, diagnose

__all__ = ["Diagnosis", "Loss", "diagnose"]
