"""Turn a Hugging Face checkpoint into Core ML and ONNX, and run what was written."""


class ExportError(Exception):
    """A problem the user can mend; its message is one line that says how."""
