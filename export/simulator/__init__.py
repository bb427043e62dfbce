"""Run a Core ML package (ML Program) on a CPU, on any system.

from export.simulator import Simulator  # installed alone: from coreml_simulator import Simulator

Simulator("model.mlpackage", precision="float16").predict({"input_ids": ids, ...})
"""

from .errors import SimulatorError
from .simulator import Simulator
from .stand_in import standing_in

__all__ = ["Simulator", "SimulatorError", "standing_in"]
__version__ = "0.1.0"
