"""The standard-layout encoder as an ONNX graph that ONNX Runtime runs well on a CPU."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch

from distill.console.atomic import atomic_file
from distill.console.errors import UserError
from distill.console.temporary_files import temporary_files_beside
from export.bundle.quiet import quiet
from export.checkpoint.reading import Checkpoint
from export.checkpoint.tokenizer_file import tokenizer_of
from export.encoder.task_model import build_encoder, input_names
from export.proof.differences import Difference, compare
from export.proof.report import OnnxReport
from export.proof.witness import Witness, load_witness
from export.tasks.model_inputs import Inputs, encode, take
from export.tasks.table import task_named

if TYPE_CHECKING:
    from tokenizers import Tokenizer

OPSET = 17
LEAST_PSNR = {"none": 90.0, "int8": 20.0}
LENGTHS = (32, 64, 128, 256)
BATCH = 32
"""Tokens of the batch whose masks are compared."""
LARGEST = 2**31 - 2**24
"""Bytes of weights; an ONNX file ends at 2 GiB."""


class OnnxEngine:
    """An ONNX file in ONNX Runtime; inputs are cast to int64, as the file takes them."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types derive from Exception alone
            raise UserError(f"{path}: {' '.join(str(error).split())}") from None
        self.names = [value.name for value in self.session.get_inputs()]
        self.outputs = [value.name for value in self.session.get_outputs()]

    def predict(self, data: Inputs) -> Inputs:
        feeds = {name: array.astype("int64") for name, array in take(data, self.names).items()}
        return dict(zip(self.outputs, self.session.run(None, feeds), strict=True))


def has_vnni() -> bool:
    """Whether this CPU multiplies 8-bit integers without an intermediate of 16 bits."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "vnni" in flags or "asimddp" in flags


def export_onnx(
    checkpoint: Checkpoint,
    task: str,
    out: Path,
    *,
    quantize: str = "none",
    vnni: bool | None = None,
    verify: bool = True,
) -> OnnxReport:
    """Write an ONNX file of dynamic batch and length and report what it is.

    Args:
        quantize: ``int8`` quantizes matrix products dynamically, per channel, and the embedding
            table; GELU becomes its tanh form, which is off by less than a step of 8 bits.
        vnni: whether the file will run on a CPU with VNNI; default: as this one. Without it the
            weights keep 7 bits, since pairs of 8-bit products overflow 16 bits.
        verify: run the file beside the library that made the checkpoint; without it the report's
            differences are None.

    Raises:
        UserError: weights above 2 GiB, a file that differs from its witness by more than it
            should, or with ``verify`` a checkpoint without a usable tokenizer.
    """
    began = time.monotonic()
    tokenizer = tokenizer_of(checkpoint) if verify else None
    random_weights, witness = checkpoint.random_weights, None
    if verify:
        witness, checkpoint = load_witness(checkpoint, task)
    vnni = has_vnni() if vnni is None else vnni
    with atomic_file(out) as staged, temporary_files_beside(staged) as folder:
        plain = folder / "plain.onnx"
        _trace(checkpoint, task, plain)
        graph = _fused(plain, checkpoint, quantize)
        onnx.save(graph, staged)
        if quantize == "int8":
            _quantize(staged, vnni)
        difference = None
        if witness and tokenizer:
            difference = compare_onnx(staged, witness, tokenizer, apart=quantize == "none")
        if witness and difference and not difference.psnr >= LEAST_PSNR[quantize]:
            raise UserError(
                f"the ONNX file differs from {witness.name}: PSNR {difference.psnr:.1f} dB, below "
                f"{LEAST_PSNR[quantize]:.0f}; --no-verify keeps it"
            )
        size = staged.stat().st_size
    counts = Counter(node.op_type for node in graph.graph.node)
    return OnnxReport(
        file=out,
        model=checkpoint.name,
        random_weights=random_weights,
        witness=witness.name if witness else None,
        task=task,
        quantize=quantize,
        weight_bits=32 if quantize == "none" else 8 if vnni else 7,
        bytes=size,
        fused_attention=counts["Attention"] + counts["MultiHeadAttention"],
        layers=checkpoint.config.layers,
        difference=difference,
        seconds=time.monotonic() - began,
    )


def _trace(checkpoint: Checkpoint, task: str, path: Path) -> None:
    """The TorchScript exporter: its graph is the one that the optimizer's patterns know."""
    record = task_named(task)
    names, outputs = input_names(checkpoint.config, task), record.outputs
    axes = {0: "batch", 1: "length"}
    dynamic = dict.fromkeys(names, axes)
    dynamic |= dict.fromkeys(outputs, axes if record.per_token else {0: "batch"})
    example = tuple(torch.ones((1, LENGTHS[0]), dtype=torch.int64) for _ in names)
    model = build_encoder(checkpoint, task)
    size = sum({weight.data_ptr(): 4 * weight.numel() for weight in model.parameters()}.values())
    if size > LARGEST:
        raise UserError(
            f"{checkpoint.name}: {size / 1e9:.1f} GB of weights in float32, but an ONNX file holds "
            "2 GB; use export.coreml"
        )
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            example,
            str(path),
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes=dynamic,
            opset_version=OPSET,
            dynamo=False,
        )


def _fused(path: Path, checkpoint: Checkpoint, quantize: str) -> onnx.ModelProto:
    with quiet():
        from onnxruntime.transformers.fusion_options import FusionOptions
        from onnxruntime.transformers.optimizer import optimize_model

        options = FusionOptions("bert")
        options.enable_embed_layer_norm = False  # slower on a CPU, and it hides the table
        options.enable_skip_layer_norm = False
        # The mask as it is: by default it becomes a length, right for padding at the end alone.
        options.use_raw_attention_mask(True)
        if quantize == "int8":
            options.enable_bias_gelu = False  # the integer product adds the bias for nothing
            options.enable_gelu_approximation = True
        optimized = optimize_model(
            str(path),
            "bert",
            num_heads=checkpoint.config.heads,
            hidden_size=checkpoint.config.width,
            optimization_options=options,
        )
    _keep_apart(optimized.model)
    return optimized.model


def _keep_apart(model: onnx.ModelProto) -> None:
    """Sum for the Add before a LayerNormalization: ONNX Runtime fuses the latter pair when it loads
    a file, and its fused kernel takes six times as long on a CPU as the two do."""
    makers = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        added = makers.get(node.input[0]) if node.op_type == "LayerNormalization" else None
        if added is not None and added.op_type == "Add":
            added.op_type = "Sum"


def _quantize(path: Path, vnni: bool) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet():
        quantize_dynamic(
            str(path),
            str(path),
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            per_channel=True,
            reduce_range=not vnni,
            weight_type=QuantType.QInt8,
            extra_options={
                "MatMulConstBOnly": True,
                "DefaultTensorType": onnx.TensorProto.FLOAT,
            },
        )


def compare_onnx(
    path: Path, witness: Witness, tokenizer: Tokenizer, *, apart: bool = True
) -> Difference:
    """The written file in ONNX Runtime against its witness, on the built-in texts without padding
    and on batches with masks of any form: with ``apart`` the worst of these, else all together, as
    the few numbers of one batch say little of weights in 8 bits.

    Raises:
        UserError: the tokenizer reads a text otherwise than the witness does.
    """
    task, candidate = witness.task, OnnxEngine(path)
    texts = task.samples()
    witness.check_ids(texts, tokenizer)
    alone = []
    for inputs in encode(tokenizer, texts, LENGTHS):
        tokens = int(inputs["attention_mask"].sum())
        alone.append({name: array[:, :tokens] for name, array in inputs.items()})
    batches = masked_batches(encode(tokenizer, texts[:3], (BATCH,)))
    groups = (alone, *([batch] for batch in batches)) if apart else ([*alone, *batches],)
    return min((_difference(witness, candidate, group) for group in groups), key=lambda d: d.psnr)


def masked_batches(rows: list[Inputs]) -> list[Inputs]:
    """Batches of the same rows, of shape (rows, length): of different lengths (all, half, a third
    …) and padded behind, the same padded before, and with holes in the mask."""
    batch = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    mask = batch["attention_mask"]
    kept = mask.sum(axis=1) // np.arange(1, len(rows) + 1)
    behind = batch | {"attention_mask": mask * (np.arange(mask.shape[1]) < kept[:, None])}
    before = {name: array[:, ::-1].copy() for name, array in behind.items()}
    holes = behind["attention_mask"].copy()
    holes[:, 2::3] = 0
    return [behind, before, behind | {"attention_mask": holes}]


def _difference(witness: Witness, candidate: OnnxEngine, group: list[Inputs]) -> Difference:
    """Outputs where the mask is 1, of a task with outputs by position."""
    expected, found = [], []
    for inputs in group:
        wanted, got = witness.predict(inputs), candidate.predict(inputs)
        attended = inputs["attention_mask"] == 1 if witness.task.per_token else slice(None)
        expected += [wanted[name][attended] for name in wanted]
        found += [got[name][attended] for name in wanted]
    return compare(expected, found)
