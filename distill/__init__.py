"""Train a small student from a BERT-family teacher, and measure both."""
