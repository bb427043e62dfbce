"""FLOPs, weights and bytes of each part of a model at a length, counted from its architecture.

A multiply-add is two FLOPs. Bytes are what must cross the memory once: the weights of a part, its
input and its output. Matrix products are where the time goes; softmax, normalization and
activations are counted by their memory traffic, with a handful of FLOPs an element.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.checkpoint.reading import EncoderConfig

WEIGHT_BYTES = {"float32": 4, "float16": 2, "int8": 1}
ACTIVATION_BYTES = {"float32": 4, "float16": 2, "int8": 4}
"""With dynamic int8, activations are stored as float32 between the products."""
SOFTMAX_FLOPS, NORM_FLOPS, ACTIVATION_FLOPS = 5, 8, 8
"""An element: maximum, difference, exponential, sum, division; mean, variance, scale and shift; a
polynomial of the error function."""


@dataclass(frozen=True)
class Part:
    """A part of a model for one sequence.

    ``count`` is how often it occurs; the rest is of one occurrence: its ``weights``, the share of
    them that crosses the memory (``reads``, above 1 where they are read again and again), the
    elements of input and output (``activations``), and whether it is a ``product`` of matrices
    with weights, which int8 computes in integers.
    """

    name: str
    count: int
    flops: float
    weights: float
    activations: float
    reads: float = 1.0
    product: bool = True

    def bytes(self, precision: str) -> float:
        """What must cross the memory."""
        weights = self.weights * self.reads * WEIGHT_BYTES[precision]
        return weights + self.activations * ACTIVATION_BYTES[precision]


def encoder_parts(config: EncoderConfig, length: int) -> list[Part]:
    """The parts of a BERT-family encoder on a sequence of ``length`` tokens."""
    width, inner, layers = config.width, config.intermediate, config.layers
    tokens = length * width
    scores = config.heads * length * length
    rows = config.vocabulary + config.positions + config.segments
    looked_up = length * (3 if config.segments else 2) / rows

    def part(name: str, flops: float, weights: float, moved: float, product: bool = True) -> Part:
        return Part(name, layers, flops, weights, moved, product=product)

    def linear(name: str, inputs: int, outputs: int) -> Part:
        moved = length * (inputs + outputs)
        return part(name, 2.0 * length * inputs * outputs, (inputs + 1) * outputs, moved)

    return [
        Part("embedding tables", 1, 0, rows * width, tokens, looked_up, False),
        Part("embedding norm", 1, NORM_FLOPS * tokens, 2 * width, 2 * tokens, product=False),
        linear("query, key, value", width, 3 * width),
        part("attention scores", 2.0 * length * tokens, 0, 2 * tokens + scores, False),
        part("softmax", SOFTMAX_FLOPS * scores, 0, 2 * scores, False),
        part("attention mix", 2.0 * length * tokens, 0, 2 * tokens + scores, False),
        linear("attention output", width, width),
        part("attention norm", NORM_FLOPS * tokens, 2 * width, 3 * tokens, False),
        linear("feed-forward up", width, inner),
        part("activation", ACTIVATION_FLOPS * length * inner, 0, 2 * length * inner, False),
        linear("feed-forward down", inner, width),
        part("output norm", NORM_FLOPS * tokens, 2 * width, 3 * tokens, False),
    ]


def elmo_parts(words: int) -> list[Part]:
    """The parts of ELMo on ``words`` words: see `bench.runtimes.elmo`. An LSTM reads its recurrent
    weights again for every word."""
    from bench.runtimes.elmo import (
        CHARACTER_WIDTH,
        CHARACTERS,
        FILTERS,
        HIGHWAYS,
        LAYERS,
        PROJECTION,
        UNITS,
        WIDTH,
        WORD_LENGTH,
    )

    letters = words * WORD_LENGTH * CHARACTER_WIDTH
    taps = sum(size * count for size, count in FILTERS) * CHARACTER_WIDTH
    slides = sum(size * count * (WORD_LENGTH - size + 1) for size, count in FILTERS)
    gates = 4 * UNITS
    recurrent = (2 * gates + UNITS) * PROJECTION

    def linear(name: str, count: int, inputs: int, outputs: int) -> Part:
        moved = words * (inputs + outputs)
        return Part(name, count, 2.0 * words * inputs * outputs, (inputs + 1) * outputs, moved)

    return [
        Part("characters", 1, 0, CHARACTERS * CHARACTER_WIDTH, letters, product=False),
        Part(
            "convolutions",
            1,
            2.0 * words * CHARACTER_WIDTH * slides,
            taps + WIDTH,
            letters + words * WIDTH,
        ),
        linear("highway", HIGHWAYS, WIDTH, 2 * WIDTH),
        linear("projection", 1, WIDTH, PROJECTION),
        Part(
            "LSTM, one direction",
            2 * LAYERS,
            2.0 * words * recurrent,
            recurrent + 2 * gates,
            2 * words * PROJECTION,
            reads=words,
        ),
    ]


@dataclass(frozen=True)
class Roof:
    """What a machine can do: GFLOP/s of a matrix product and of all else, GB/s of memory."""

    products: float
    rest: float
    bandwidth: float

    def seconds(self, part: Part, precision: str) -> float:
        """The least time of one occurrence: the longer of computing and moving (the roofline of
        Williams, Waterman and Patterson, 2009)."""
        peak = self.products if part.product else self.rest
        return max(part.flops / (peak * 1e9), part.bytes(precision) / (self.bandwidth * 1e9))


def totals(parts: list[Part], precision: str) -> tuple[float, float, float]:
    """(FLOPs, weights, bytes) of all parts together."""
    return (
        sum(part.count * part.flops for part in parts),
        sum(part.count * part.weights for part in parts),
        sum(part.count * part.bytes(precision) for part in parts),
    )
