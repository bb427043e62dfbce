"""Turn a Hugging Face checkpoint into Core ML and ONNX, and run what was written."""

from distill.console.errors import UserError as ExportError

__all__ = ["ExportError"]
