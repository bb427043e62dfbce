"""What a package says of itself, under the names of ``coremltools.models.MLModel``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .reading import reading

if TYPE_CHECKING:
    from coremltools.proto.Model_pb2 import FunctionDescription, Model, ModelDescription


class Described:
    """The specification of a package and the descriptions in it."""

    def __init__(self, spec: Model, function: ModelDescription | FunctionDescription) -> None:
        self._spec_bytes: bytes = spec.SerializeToString()
        metadata = spec.description.metadata
        self.short_description: str = metadata.shortDescription
        self.author: str = metadata.author
        self.license: str = metadata.license
        self.version: str = metadata.versionString
        self.user_defined_metadata: dict[str, str] = dict(metadata.userDefined)
        self.input_description = {one.name: one.shortDescription for one in function.input}
        self.output_description = {one.name: one.shortDescription for one in function.output}

    def get_spec(self) -> Model:
        """A copy of the specification (``coremltools.proto.Model_pb2.Model``) of the package, with
        all its functions."""
        with reading():
            from coremltools.proto import Model_pb2

            return Model_pb2.Model.FromString(self._spec_bytes)
