"""Figures that others published, for orientation; never mixed with measured rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure that was not measured here, with its source."""

    what: str
    figure: str
    source: str


PUBLISHED = (
    Figure(
        "DistilBERT against BERT-base, CPU, STS-B dev at batch size 1",
        "410 s against 668 s: 1.63 times; ELMo 895 s",
        "Sanh et al., arXiv 1910.01108, table 3",
    ),
    Figure(
        "DistilBERT against BERT-base, question answering on an iPhone 7 Plus",
        "71% faster; the app's model 207 MB",
        "Sanh et al., arXiv 1910.01108, section 5",
    ),
    Figure(
        "question answering at length 384 in the 2019 Core ML app",
        "DistilBERT 0.319 s against BERT 1.118 s",
        "huggingface/swift-coreml-transformers",
    ),
    Figure(
        "DistilBERT, length 128, batch size 1, Neural Engine of an iPhone 13",
        "3.47 ms",
        "Apple, Deploying Transformers on the Apple Neural Engine, 2022",
    ),
)
