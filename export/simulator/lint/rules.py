"""The table of known hazards. Numbers stay; a rule that goes leaves a gap."""

from __future__ import annotations

from . import interface, numbers, sizes, weights
from .rule import Rule

_CORE_ML_TOOLS = "github.com/apple/coremltools/issues/"

RULES: tuple[Rule, ...] = (
    Rule(
        1,
        "caution",
        "sizes are known only at run time; the Neural Engine may not take the program",
        f"{_CORE_ML_TOOLS}1909 (175 ms instead of 20), 2370",
        "one static function for each length (--shapes functions)",
        sizes.unknown_sizes,
    ),
    Rule(
        2,
        "error",
        "a sum or mean runs over a flexible axis; such a mean crashes outside of the CPU",
        f"{_CORE_ML_TOOLS}2825, 1420 (does not load on iOS 15.4)",
        "one static function for each length (--shapes functions)",
        sizes.sums_over_unknown_sizes,
    ),
    Rule(
        3,
        "error",
        "enumerated shapes with a layer norm; such packages fail at inference, or lose the Neural "
        "Engine",
        f"{_CORE_ML_TOOLS}2730, 1909",
        "one static function for each length (--shapes functions)",
        sizes.enumerated_with_layer_norm,
    ),
    Rule(
        4,
        "caution",
        "an input is a range; the Neural Engine takes its default shape only",
        "developer.apple.com/forums/thread/724930",
        "one static function for each length, or one fixed length",
        sizes.range_inputs,
    ),
    Rule(
        5,
        "caution",
        "weights of 4 bits; palettes of 4 bits are reported to give wrong outputs on devices",
        f"{_CORE_ML_TOOLS}2716",
        "int8 or lut6; measure on the device before you ship 4 bits",
        weights.four_bits,
    ),
    Rule(
        6,
        "caution",
        "linear weights of 8 bits; wrong outputs are reported on the GPU",
        f"github.com/FluidInference/mobius/issues/73; {_CORE_ML_TOOLS}2114",
        "run on the CPU and the Neural Engine (cpuAndNeuralEngine), or compare on the device",
        weights.linear_eight_bits,
    ),
    Rule(
        7,
        "caution",
        "an axis is longer than 16,384; the Neural Engine does not take it",
        f"{_CORE_ML_TOOLS}1003; github.com/microsoft/onnxruntime/issues/19543",
        "split the axis, or a smaller vocabulary (distill.trim_vocabulary)",
        sizes.long_axes,
    ),
    Rule(
        8,
        "error",
        "a value has more than 5 axes; Core ML does not take it",
        f"{_CORE_ML_TOOLS}2536",
        "merge axes before the operation and split them after it",
        sizes.high_ranks,
    ),
    Rule(
        9,
        "error",
        "half precision does not hold a constant: it becomes infinite or zero",
        f"{_CORE_ML_TOOLS}2625",
        "scale the constant, or keep its operations in float32",
        numbers.not_held,
    ),
    Rule(
        10,
        "error",
        "a mask of -inf or of a number near it; sums with it become -inf, then NaN",
        "github.com/apple/coremltools/pull/2669",
        "mask with -10000: its exponential is zero too",
        numbers.masks,
    ),
    Rule(
        11,
        "error",
        "a value passes 65,504 on these inputs: half precision overflows",
        f"{_CORE_ML_TOOLS}2625",
        "scale the weights before it, or keep the operation in float32 (export.diagnose)",
        numbers.overflows,
    ),
    Rule(
        12,
        "caution",
        "a value comes near 65,504 on these inputs; others may overflow",
        f"{_CORE_ML_TOOLS}2625",
        "more inputs (--data); scale the weights before it (export.diagnose)",
        numbers.near_overflow,
    ),
    Rule(
        13,
        "caution",
        "a large weight is stored twice",
        "apple.github.io/coremltools, common::const_deduplication",
        "tie the weights before the conversion",
        weights.stored_twice,
    ),
    Rule(
        14,
        "caution",
        "a result is computed that nobody reads",
        "apple.github.io/coremltools, common::dead_code_elimination",
        "leave the output out of the conversion",
        interface.unread,
    ),
    Rule(
        15,
        "caution",
        "labels are missing: an app can only show numbers",
        "huggingface.co/docs/transformers, PretrainedConfig.id2label",
        "write id2label into config.json and export again",
        interface.without_labels,
    ),
    Rule(
        16,
        "caution",
        "half precision does not hold a constant; its operation stays in float32, which the Neural "
        "Engine does not run",
        "apple.github.io/coremltools, Typed Execution",
        "scale the constant; mask with -10000",
        numbers.beyond_half,
    ),
)
