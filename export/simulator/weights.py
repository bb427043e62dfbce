"""Large constants of a graph in a file beside it.

ONNX Runtime maps such a file and packs one weight after the other for its matrix kernels, so that
the float32 weights are in memory once; within the graph they would be there four times over.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .errors import SimulatorError

LARGE = 1 << 20
"""Bytes of a constant that goes into the file."""
PAGE = 4096
FILE = "weights.bin"


class Weights:
    """Makes ONNX tensors of constants. The file is made for the first large one, in a temporary
    folder that goes with this object."""

    def __init__(self) -> None:
        self.folder: Path | None = None

    def tensor(self, array: np.ndarray, name: str) -> onnx.TensorProto:
        """An initializer of the graph; a large one says where in the file its values are."""
        if array.nbytes < LARGE:
            return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        tensor = TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        place = {"location": FILE, "offset": self._write(array), "length": array.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def _write(self, array: np.ndarray) -> int:
        place = tempfile.tempdir or os.environ.get("TMPDIR") or tempfile.gettempdir()
        try:
            if self.folder is None:
                self.folder = Path(tempfile.mkdtemp(prefix="simulator-", dir=place))
                weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
            with (self.folder / FILE).open("ab") as file:
                file.write(bytes(-file.tell() % PAGE))
                offset = file.tell()
                np.ascontiguousarray(array).tofile(file)
        except OSError as error:  # numpy's own has no number
            reason = error.strerror or "no room is left"
            raise SimulatorError(
                f"{place}: the weights cannot be written there ({reason}); set TMPDIR to a folder "
                "with room"
            ) from None
        return offset

    def embedded(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """A copy of a graph with all its constants in it."""
        whole = onnx.ModelProto()
        whole.CopyFrom(model)
        if self.folder is not None:
            onnx.load_external_data_for_model(whole, str(self.folder))
        return whole

    def take_out(self, model: onnx.ModelProto) -> None:
        """Move the large constants of a graph into the file, in place."""
        for index, tensor in enumerate(model.graph.initializer):
            if tensor.ByteSize() >= LARGE:
                moved = self.tensor(numpy_helper.to_array(tensor), tensor.name)
                model.graph.initializer[index].CopyFrom(moved)
