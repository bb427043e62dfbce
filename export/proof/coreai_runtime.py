"""A Core AI asset in Apple's own runtime, which `coreai-core` brings for Linux too."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from distill.console.errors import UserError
from export.bundle.bundle_folder import Bundle
from export.bundle.coreai_asset import function_name, require_coreai
from export.tasks.model_inputs import Inputs, take
from export.tasks.task import Outputs

STANDARD_ERROR = 2
ANNOUNCEMENT = re.compile(rb"ODIE \[default\]: Loading function [^\n]*\n?")
TRIAL = """
import asyncio, sys
from coreai.authoring import AIModelAsset

async def load():
    async with AIModelAsset.load(sys.argv[1]).executable() as model:
        for name in model.function_names:
            model.load_function(name)

asyncio.run(load())
"""
MOST_SECONDS = 600
"""For a trial; the largest asset that was tried takes some seconds."""
_lock = threading.Lock()


class CoreAIEngine:
    """The Core AI asset of a bundle in Apple's runtime.

    Args:
        asset: where it is; default: in the bundle's folder.

    Raises:
        UserError: the bundle has no asset, or as `check_loads` of that one and `AppleRuntime`.
    """

    def __init__(self, bundle: Bundle, asset: Path | None = None) -> None:
        form = bundle.settings.get("formats", {}).get("coreai")
        if asset is None and form is None:
            raise UserError(
                f"{bundle.directory} has no Core AI asset; python -m export.coreai --out "
                f"{bundle.directory} adds one"
            )
        self.bundle = bundle
        if asset is None:
            asset = bundle.directory / Path(form["file"]).name
            check_loads(asset)
        self.runtime = AppleRuntime(asset)

    def predict(self, data: Inputs) -> Outputs:
        """Outputs of the bundle's task.

        Raises:
            UserError: the asset takes other inputs, or gives other outputs.
        """
        outputs = self.runtime.predict(take(data, self.bundle.settings["inputs"]))
        names = self.bundle.record.outputs
        if not set(names) <= set(outputs):
            raise UserError(
                f"{self.runtime.asset} gives {', '.join(outputs)}, not {', '.join(names)}: "
                "its model.json is that of another asset"
            )
        return {name: outputs[name] for name in names}


class AppleRuntime:
    """An asset, loaded once; on Linux it runs on one core of the CPU.

    Raises:
        UserError: Apple's packages are not installed, or cannot read the asset.
    """

    def __init__(self, asset: Path) -> None:
        require_coreai()
        _check_whole(asset)
        self.asset = asset
        self.functions: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        stack = AsyncExitStack()
        self._close = weakref.finalize(self, _close, self._loop, stack)
        try:
            self._model = self._loop.run_until_complete(_load(asset, stack))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{asset}: Apple's runtime cannot load it ({reason})") from None

    def predict(self, data: Inputs) -> dict[str, np.ndarray]:
        """Outputs of the entry point for the length of ``data``, int32 arrays (1, length).

        Raises:
            UserError: the asset has no entry point of that length, or takes other inputs.
        """
        from coreai.runtime import NDArray

        function = self._function(function_name(next(iter(data.values())).shape[1]))
        wanted = list(function.desc.input_names)
        if set(wanted) != set(data):
            raise UserError(
                f"{self.asset} takes {', '.join(wanted)}, not {', '.join(data)}: "
                "its model.json is that of another asset"
            )
        arrays = {name: NDArray(np.ascontiguousarray(data[name])) for name in wanted}
        outputs = self._loop.run_until_complete(_call(function, arrays))
        return {name: np.array(value.numpy()) for name, value in outputs.items()}

    def _function(self, name: str) -> Any:
        if name not in self.functions:
            known = self._model.function_names
            if name not in known:
                raise UserError(f"{self.asset} has no entry point {name}; {', '.join(known)}")
            with _announcement_dropped():
                self.functions[name] = self._model.load_function(name)
        return self.functions[name]


def _check_whole(asset: Path) -> None:
    """Check the files of an asset: Apple's runtime ends the process where one is missing or cut
    short."""
    for name in ("main.hash", "main.mlirb"):
        if (asset / name).exists() and not (asset / name).is_file():  # it would be waited for
            raise UserError(f"{asset}: not a Core AI asset ({name} is not a regular file)")
    try:
        stored = (asset / "main.hash").read_bytes()
        with (asset / "main.mlirb").open("rb") as program:
            digest = hashlib.file_digest(program, "sha256").digest()
    except OSError as error:
        raise UserError(f"{asset}: not a Core AI asset ({error.strerror})") from None
    if digest != stored:
        raise UserError(f"{asset}: broken, its program is not the one that was written")


def check_loads(asset: Path) -> None:
    """Load an asset from elsewhere in a process of its own first: the runtime's native code ends
    the process of a program that it cannot read, whatever its digest says.

    Raises:
        UserError: Apple's packages are not installed, or their runtime cannot load it.
    """
    require_coreai()
    _check_whole(asset)
    command = [sys.executable, "-c", TRIAL, str(asset)]
    try:
        trial = subprocess.run(command, capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{asset}: Apple's runtime did not load it in {MOST_SECONDS} s; it may be damaged"
        ) from None
    if trial.returncode:
        raise UserError(
            f"{asset}: Apple's runtime cannot load it (it ends with status {trial.returncode}); "
            "the asset is damaged, or of another version"
        )


async def _load(asset: Path, stack: AsyncExitStack) -> Any:
    from coreai.authoring import AIModelAsset

    return await stack.enter_async_context(AIModelAsset.load(asset).executable())


async def _call(function: Any, arrays: dict[str, Any]) -> dict[str, Any]:
    outputs: dict[str, Any] = await function(inputs=arrays)
    return outputs


def _close(loop: asyncio.AbstractEventLoop, stack: AsyncExitStack) -> None:
    """Remove the compiled copy that the runtime was given."""
    loop.run_until_complete(stack.aclose())
    loop.close()


@contextmanager
def _announcement_dropped() -> Iterator[None]:
    """The runtime announces every function on the standard error, from native code, with nothing
    to tell it not to; so the descriptor leads to a file while one is loaded, which is milliseconds.

    A descriptor is the whole process's. What other threads write to it meanwhile is held back, and
    comes out after it; a program that another thread starts in between writes to that file to its
    end, and is not shown; and a crash of the process loses what the file holds.
    """
    with _lock, tempfile.TemporaryFile() as held:
        kept = os.dup(STANDARD_ERROR)
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
            held.seek(0)
            if written := ANNOUNCEMENT.sub(b"", held.read()):
                os.write(STANDARD_ERROR, written)
