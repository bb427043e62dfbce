"""ELMo's original biLM (Peters et al., arXiv 1802.05365), the third row of the paper's Table 3.

Character convolutions, two highway layers, and two layers of LSTMs in each direction, 4,096 units
projected to 512: 93.6M parameters, as its authors state. DistilBERT's paper prints 180M without
an explanation; adding the two-layer bidirectional LSTM of 1,500 units a direction that the GLUE
baselines put on top (arXiv 1804.07461, appendix) gives 178M, so that is probably what it counts.
The model here is ELMo alone. Its weights are random: it serves for latency and size only.
"""

from __future__ import annotations

import functools

import torch
from torch import nn

from bench.runtimes.workloads import Inputs

CHARACTERS, CHARACTER_WIDTH, WORD_LENGTH = 262, 16, 50
FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
"""(characters, filters) of each convolution."""
HIGHWAYS, PROJECTION, UNITS, LAYERS = 2, 512, 4096, 2
WIDTH = sum(count for _, count in FILTERS)


class Elmo(nn.Module):
    """Character ids (batch, words, 50) -> states (batch, words, 1024)."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = nn.Embedding(CHARACTERS, CHARACTER_WIDTH)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(CHARACTER_WIDTH, count, size) for size, count in FILTERS
        )
        self.highways = nn.ModuleList(nn.Linear(WIDTH, 2 * WIDTH) for _ in range(HIGHWAYS))
        self.projection = nn.Linear(WIDTH, PROJECTION)
        self.forwards = nn.ModuleList(_lstm() for _ in range(LAYERS))
        self.backwards = nn.ModuleList(_lstm() for _ in range(LAYERS))

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        """Both directions, one after the other in the last axis: see the class for the shapes."""
        words = self.words(characters)
        forward = _run(self.forwards, words)
        backward = _run(self.backwards, words.flip(1)).flip(1)
        return torch.cat([forward, backward], dim=-1)

    def words(self, characters: torch.Tensor) -> torch.Tensor:
        """A vector for each word from its characters: (batch, words, 512)."""
        batch, words, length = characters.shape
        embedded = self.characters(characters.view(-1, length)).transpose(1, 2)
        pooled = [torch.relu(convolve(embedded).amax(-1)) for convolve in self.convolutions]
        hidden = torch.cat(pooled, dim=-1)
        for highway in self.highways:
            change, carry = highway(hidden).chunk(2, dim=-1)
            carry = torch.sigmoid(carry)
            hidden = carry * hidden + (1 - carry) * torch.relu(change)
        projected: torch.Tensor = self.projection(hidden)
        return projected.view(batch, words, PROJECTION)

    @torch.inference_mode()
    def predict(self, inputs: Inputs) -> torch.Tensor:
        """As many words as the other models get tokens; which characters they have does not
        change the time."""
        count = int(inputs["attention_mask"].sum())
        states: torch.Tensor = self(torch.ones((1, count, WORD_LENGTH), dtype=torch.long))
        return states


def _lstm() -> nn.LSTM:
    return nn.LSTM(PROJECTION, UNITS, batch_first=True, proj_size=PROJECTION)


def _run(layers: nn.ModuleList, hidden: torch.Tensor) -> torch.Tensor:
    """One direction; a residual connection around each layer but the first."""
    for index, layer in enumerate(layers):
        output, _ = layer(hidden)
        hidden = output if index == 0 else output + hidden
    return hidden


@functools.cache
def parameter_count() -> int:
    """The number of ELMo's weights."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in Elmo().parameters())


def elmo_model() -> Elmo:
    """Random weights, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Elmo().eval()
