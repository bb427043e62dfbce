"""Measure neural inference, tokenization excluded."""
