"""ELMo's original biLM (Peters et al., arXiv 1802.05365), the third row of the paper's Table 3.

Character convolutions, two highway layers, and two layers of LSTMs in both directions with 4,096
units projected to 512: 93.6M parameters. The paper's table prints 180M, which counts the softmax
over words that inference does not run. Only for latency and size: its weights are random.
"""

from __future__ import annotations

import functools

import torch
from torch import nn

from bench.workloads import Inputs

ELMO = "elmo"
CHARACTERS, CHARACTER_WIDTH, WORD_LENGTH = 262, 16, 50
FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
PROJECTION, UNITS, LAYERS = 512, 4096, 2
CHARACTERS_PER_TOKEN = 5


class Elmo(nn.Module):
    """Characters (batch, words, 50) -> states (batch, words, 1024)."""

    def __init__(self) -> None:
        super().__init__()
        width = sum(count for _, count in FILTERS)
        self.characters = nn.Embedding(CHARACTERS, CHARACTER_WIDTH)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(CHARACTER_WIDTH, count, size) for size, count in FILTERS
        )
        self.highways = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(2))
        self.projection = nn.Linear(width, PROJECTION)
        self.directions = nn.ModuleList(
            nn.LSTM(PROJECTION, UNITS, LAYERS, batch_first=True, proj_size=PROJECTION)
            for _ in range(2)
        )

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        batch, words, length = characters.shape
        embedded = self.characters(characters.view(-1, length)).transpose(1, 2)
        pooled = [torch.relu(conv(embedded).amax(-1)) for conv in self.convolutions]
        hidden = torch.cat(pooled, dim=-1)
        for highway in self.highways:
            change, gate = highway(hidden).chunk(2, dim=-1)
            gate = torch.sigmoid(gate)
            hidden = gate * hidden + (1 - gate) * torch.relu(change)
        hidden = self.projection(hidden).view(batch, words, PROJECTION)
        forward, _ = self.directions[0](hidden)
        backward, _ = self.directions[1](hidden.flip(1))
        return torch.cat([forward, backward.flip(1)], dim=-1)

    @torch.inference_mode()
    def predict(self, inputs: Inputs) -> torch.Tensor:
        """One word per attended token: about what ELMo sees of the same text."""
        words = int(inputs["attention_mask"].sum())
        characters = torch.zeros((1, words, WORD_LENGTH), dtype=torch.long)
        characters[:, :, :CHARACTERS_PER_TOKEN] = 100
        states: torch.Tensor = self(characters)
        return states


@functools.cache
def elmo_model() -> Elmo:
    """The one instance of a process, with random weights."""
    torch.manual_seed(0)
    return Elmo().eval()
