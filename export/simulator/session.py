"""Sessions of ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from .errors import SimulatorError, one_line

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
NO_LOG = 4
"""What fails is raised."""
NONE: Mapping[str, str] = MappingProxyType({})


def open_session(
    model: str | bytes, threads: int = 0, entries: Mapping[str, str] = NONE
) -> InferenceSession:
    """A session that runs an ONNX model.

    Args:
        model: the path of a file, or the content of one.
        threads: of an operation; 0: as many as there are cores.
        entries: further settings of the session, by ONNX Runtime's names.

    Raises:
        SimulatorError: ONNX Runtime refuses the model; its reason in one line.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = NO_LOG
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own types derive from Exception alone
        raise SimulatorError(one_line(error)) from None
