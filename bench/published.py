"""Figures that others published, for orientation; never mixed with measured rows."""

PUBLISHED = (
    (
        "DistilBERT against BERT-base, CPU, STS-B at batch size 1",
        "410 s against 668 s (1.63 times), ELMo 895 s",
        "arXiv 1910.01108, table 3",
    ),
    (
        "DistilBERT against BERT-base, iPhone 7 Plus",
        "71% faster, 207 MB",
        "arXiv 1910.01108, section 5",
    ),
    (
        "question answering, 2019 Core ML app",
        "DistilBERT 0.319 s against BERT 1.118 s",
        "huggingface/swift-coreml-transformers",
    ),
    (
        "DistilBERT, length 128, iPhone 13, Neural Engine",
        "3.47 ms",
        "apple/ml-ane-transformers",
    ),
)
"""(what, figure, source)."""
