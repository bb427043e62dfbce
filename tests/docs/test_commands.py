"""Every command of every page, in order, as typed, in an empty folder with small data made for it:
`make docs`. Trainings of hours are cut short by options of their own; see tests/docs/pages.py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest

from tests.docs.commands import PAGES as ALL_PAGES
from tests.docs.commands import ROOT, shown_lines
from tests.docs.pages import ELSEWHERE, PAGES, Page
from tests.docs.running import cores, run_page
from tests.docs.small_data import write_all

ROW = re.compile(r"^│ (\S[^│]*?) *│", re.MULTILINE)
SHAPES = {
    "distill.finetune": r"saved in|next:|models? (is|are) in",
    "distill.evaluate": r"\([+-]?\d+\.\d+ to [+-]?\d+\.\d+\)",
    "export.coreml": r"MB",
    "export.coreai": r"MB",
    "export.onnx": r"MB",
    "export.verify": r"[.]\s*$",
    "bench.compare": r"MB|ms",
    "bench.training": r"tokens/s|^\d+$",
}
"""What the outputs of a command have."""


@pytest.fixture(scope="module")
def small_data(
    tmp_path_factory: pytest.TempPathFactory, squad_file: Path, minilm_directory: Path
) -> Path:
    """All files that the pages name."""
    from coremltools.converters.mil import Builder as mb

    from tests.export.simulator.programs import convert
    from tests.export.test_every_task import settings_of
    from tests.export.tiny_models import save_checkpoint

    folder = tmp_path_factory.mktemp("data")
    write_all(folder, squad_file)
    for task in ("classify", "tokens", "rank", "mlm"):
        save_checkpoint("bert", task, folder / "tiny" / task, **settings_of(task))
    program = convert(lambda x: mb.relu(x=x), [mb.TensorSpec(shape=(2, 3))])
    program.save(str(folder / "model.mlpackage"))
    np.savez(folder / "inputs.npz", x=np.ones((2, 3), np.float32))
    return folder


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, small_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[dict[str, str]]]]:
    """The pages that were chosen, as many at a time as there are cores; what each printed."""
    chosen = [
        item.callspec.params["page"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
        if "page" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec")
    ]
    free: SimpleQueue[int | None] = SimpleQueue()
    for core in cores():
        free.put(core)

    def on_a_free_core(page: Page, folder: Path) -> dict[str, str]:
        core = free.get()
        try:
            return run_page(page, folder, core)
        finally:
            free.put(core)

    with ThreadPoolExecutor(free.qsize()) as pool:
        started = {}
        for page in chosen:
            folder = tmp_path_factory.mktemp("page") / "empty"
            shutil.copytree(small_data, folder)
            started[page.path] = pool.submit(on_a_free_core, page, folder)
        yield started


@pytest.mark.docs
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_commands_of_a_page_work_as_typed(
    page: Page, runs: Mapping[str, Future[dict[str, str]]]
) -> None:
    if page.path == "docs/coreai.md" and find_spec("coreai_torch") is None:
        pytest.skip("needs the extra coreai")
    printed = runs[page.path].result()
    for command, text in printed.items():
        for module, shape in SHAPES.items():
            if f"-m {module} " in command and "--json" not in command:
                assert re.search(shape, text, re.MULTILINE), f"{command}\n{text}"
    if page.path == "README.md":
        _has_the_rows_that_are_shown(printed)


def _has_the_rows_that_are_shown(printed: Mapping[str, str]) -> None:
    shown = ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    export = next(text for line, text in printed.items() if "export.coreml --model qa-mini" in line)
    rows = [re.sub(r"transformers .*", "transformers", name) for name in ROW.findall(export)]
    shown = [re.sub(r"transformers .*", "transformers", name) for name in shown]
    assert rows and shown[: len(rows)] == rows


def test_every_command_of_every_page_is_run_or_has_a_reason() -> None:
    run = {page.path for page in PAGES}
    for page in ALL_PAGES:
        lines = [line for line in shown_lines(page) if not line.startswith(tuple(ELSEWHERE))]
        assert bool(lines) == (str(page) in run), f"{page}: {lines}"


def test_what_is_cut_short_is_on_its_page() -> None:
    for page in PAGES:
        shown = " ".join([*page.first, *shown_lines(Path(page.path))])
        unknown = [word for word in page.instead if word not in shown]
        assert unknown == [], page.path


def test_targets_of_make_that_are_shown_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    lines = [line for page in ALL_PAGES for line in shown_lines(page) if line.startswith("make ")]
    assert {line.split()[1] for line in lines} <= targets
