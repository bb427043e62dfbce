"""A Core AI asset in Apple's own runtime, which `coreai-core` brings for Linux too."""

from __future__ import annotations

import asyncio
import hashlib
import os
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
ANNOUNCEMENT = b"ODIE [default]: Loading function "
_lock = threading.Lock()


class CoreAIEngine:
    """The Core AI asset of a bundle in Apple's runtime.

    Args:
        asset: where it is; default: in the bundle's folder.

    Raises:
        UserError: the bundle has no asset, or as `AppleRuntime`.
    """

    def __init__(self, bundle: Bundle, asset: Path | None = None) -> None:
        form = bundle.settings.get("formats", {}).get("coreai")
        if asset is None and form is None:
            raise UserError(
                f"{bundle.directory} has no Core AI asset; python -m export.coreai --out "
                f"{bundle.directory} adds one"
            )
        self.bundle = bundle
        self.runtime = AppleRuntime(asset or bundle.directory / Path(form["file"]).name)

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
    """Apple's runtime ends the process where a file of the asset is missing or cut short."""
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
    """The runtime announces every function on the standard error, from native code. All that is
    written there meanwhile, by any thread, is held back and comes out after it; a crash of the
    process in between loses it."""
    with _lock, tempfile.TemporaryFile() as held:
        kept = os.dup(STANDARD_ERROR)
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        finally:
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
            held.seek(0)
            lines = held.read().splitlines(keepends=True)
            os.write(STANDARD_ERROR, b"".join(x for x in lines if not x.startswith(ANNOUNCEMENT)))
