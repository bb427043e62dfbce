"""What `export.predict` reads."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from export.predict import read_text


def test_a_text_a_file_and_a_pipe_are_read(tmp_path: Path) -> None:
    """A shell's ``<(command)`` is a pipe with a name."""
    assert read_text("A ferry.", "--text") == "A ferry."
    file, pipe = tmp_path / "sentences.txt", tmp_path / "pipe"
    file.write_text("A boat.\n", encoding="utf-8")
    assert read_text(str(file), "--passage") == "A boat.\n"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("A house.\n",))
    writer.start()
    assert read_text(str(pipe), "--passage") == "A house.\n"
    writer.join()
