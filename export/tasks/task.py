"""What a task is: names, sample texts, a reader of data, decisions, measures and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from distill.console.errors import UserError
from distill.tasks.statistics import Statistics
from export.tasks.model_inputs import Inputs, Text, bucket, encode, encode_batch, padded
from export.tasks.samples import QUESTIONS, SINGLE

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from export.checkpoint.reading import Checkpoint

Example = TypeVar("Example")
"""One example of a data file, in the form of its task."""
Outputs = dict[str, np.ndarray]
Run = Callable[[Inputs], Outputs]
"""An engine: inputs of shape (1, length) -> outputs by name."""


@dataclass(frozen=True)
class Reading:
    """How a bundle reads text: its tokenizer and the content of its model.json."""

    tokenizer: Tokenizer
    settings: Mapping[str, Any]

    @property
    def lengths(self) -> list[int]:
        """Lengths of the package's inputs, in tokens."""
        return [int(length) for length in self.settings["lengths"]]

    @property
    def pad(self) -> int:
        """The id of padding."""
        return int(self.settings.get("special_ids", {}).get("pad", 0))

    @property
    def labels(self) -> list[str]:
        """Names of the classes, in the order of the logits; none for a task without."""
        return [str(label) for label in self.settings.get("labels", ())]

    def named_rows(self, rows: int) -> list[str]:
        """The labels of so many rows of logits; their numbers where model.json has no labels.

        Raises:
            UserError: there are more labels, or fewer.
        """
        names = self.labels or [str(row) for row in range(rows)]
        if len(names) != rows:
            raise UserError(
                f"model.json has {len(names)} labels, the package scores {rows}: "
                "export the model again"
            )
        return names

    def inputs(self, texts: Sequence[Text]) -> list[Inputs]:
        """Texts as model inputs, each at the smallest length that holds it."""
        return encode(self.tokenizer, texts, self.lengths, self.pad)

    def encodings(self, texts: Sequence[Text]) -> list[Encoding]:
        """Texts as encodings of `tokenizers`, cut to the longest input."""
        return encode_batch(self.tokenizer, texts, max(self.lengths))

    def too_long(self, texts: Sequence[Text]) -> int:
        """How many texts or pairs are longer than the longest input."""
        pairs = [text if second is None else (text, second) for text, second in texts]
        encodings = self.tokenizer.encode_batch(pairs)
        return sum(len(encoding.ids) > max(self.lengths) for encoding in encodings)

    def padded(self, ids: Sequence[int], segments: Sequence[int]) -> Inputs:
        """Ids as model inputs at the smallest length that holds them."""
        return padded(ids, segments, bucket(len(ids), self.lengths), self.pad)


@dataclass(frozen=True)
class Workload:
    """Inputs with the texts they were made of, and ``measure``: outputs in the order of the inputs
    -> figures in percent or in the task's unit. ``decide`` gives one decision an example,
    ``statistics`` what intervals of the figures are computed from."""

    examples: int
    inputs: list[Inputs]
    texts: list[Text]
    measure: Callable[[list[Outputs]], dict[str, float]]
    decide: Callable[[list[Outputs]], Sequence[object]]
    statistics: Callable[[list[Outputs]], Statistics] | None = None


@dataclass(frozen=True)
class Question:
    """What `predict` is asked: a text, a second one (a passage, or candidates by line), how many
    answers, and labels in words for an NLI classifier."""

    text: str
    passage: str | None = None
    n_best: int = 1
    zero_shot: tuple[str, ...] = ()

    @property
    def candidates(self) -> list[str]:
        """The lines of the second text."""
        lines = [line.strip() for line in (self.passage or "").splitlines()]
        return [line for line in lines if line]


class Answer(ABC):
    """What a package says of a question: a frozen dataclass of its task."""

    def as_json(self) -> dict[str, object]:
        """As ``python -m export.predict --json`` prints it."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @abstractmethod
    def words(self) -> list[str]:
        """The lines that ``python -m export.predict`` prints."""


@dataclass(frozen=True)
class Task(ABC, Generic[Example]):
    """One task. ``architecture`` is how the names of its model classes in `transformers` end,
    ``auto_class`` the class that loads them, ``per_token`` whether an output has a value for each
    position, ``data`` the format of a file of examples, in words, ``labelled`` whether the rows of
    the output have names, ``of_sentences`` whether modules of `sentence-transformers` belong to it,
    ``may_not_answer`` whether a question can be without an answer, ``labels_in_words`` whether it
    can be asked about labels that it was not trained on, ``windows`` whether a long text is read in
    several inputs, where others are cut, ``grouped`` whether examples that follow each other
    belong together, as the passages of a query, ``rows`` how many outputs the head must have,
    None for as many as it has labels, ``asked`` the options of ``export.predict`` that ask it,
    ``in_swift`` whether the Swift package has it, ``in_app`` whether the app comes with a model of
    it, and ``one_label`` whether a text gets one label, as a Core ML classifier gives it."""

    name: str
    outputs: tuple[str, ...]
    architecture: str
    auto_class: str
    data: str
    output_words: tuple[str, ...]
    per_token: bool = False
    pairs: bool = False
    labelled: bool = False
    of_sentences: bool = False
    may_not_answer: bool = False
    labels_in_words: bool = False
    windows: bool = False
    grouped: bool = False
    rows: int | None = None
    asked: str = "--text TEXT"
    in_swift: bool = False
    in_app: bool = False
    one_label: bool = False

    def answers(self, checkpoint: Checkpoint) -> dict[str, str | None]:
        """``problem_type`` and ``activation`` of model.json: how logits are read, as the library
        that made the checkpoint reads them.

        Raises:
            UserError: an activation that is not known.
        """
        return {"problem_type": None, "activation": None}

    def samples(self) -> list[Text]:
        """Our own texts, in several scripts, from one word on; pairs where the task takes pairs."""
        single: list[Text] = [(text, None) for text in SINGLE]
        if self.pairs:
            return list(QUESTIONS)
        return single + [(text, None) for pair in QUESTIONS for text in pair if text]

    @abstractmethod
    def read(self, path: Path) -> list[Example]:
        """The examples of a file.

        Raises:
            UserError: no such file, or one that is not in the format.
        """

    @abstractmethod
    def workload(self, examples: Sequence[Example], reading: Reading) -> Workload:
        """Examples as inputs, with the task's measure."""

    @abstractmethod
    def predict(self, question: Question, reading: Reading, run: Run) -> Answer:
        """The answer of a package.

        Raises:
            UserError: the question is not one of this task.
        """

    def read_texts(self, question: Question) -> list[Text]:
        """The texts or pairs that a question comes to."""
        return [(question.text, question.passage)]

    def decide(self, outputs: Outputs) -> Sequence[object] | None:
        """The decision that outputs come to, to compare by ``==``: the largest of each row; None
        where there is none."""
        return [outputs[name].argmax(-1).tolist() for name in self.outputs]

    def best_no_answer(
        self, examples: Sequence[Example], reading: Reading, run: Run
    ) -> dict[str, float]:
        """``best_f1_threshold`` and its ``best_f1`` on examples, of a task that `may_not_answer`.

        Raises:
            UserError: every example has an answer, or none.
        """
        raise NotImplementedError

    def sample_workload(self, reading: Reading) -> Workload:
        """`samples` as a workload that measures nothing; the longest text is run at every length,
        and single texts fill the longest input too."""
        texts = self.samples()
        longest = max(texts, key=lambda text: sum(len(part or "") for part in text))
        first, second = longest
        filled = (first, " ".join([second] * 40)) if second else (" ".join([first] * 40), None)
        texts = [*texts, filled]
        inputs = reading.inputs(texts)
        for length in reading.lengths:
            inputs += encode(reading.tokenizer, [longest], [length], reading.pad)
        texts += [longest] * len(reading.lengths)
        return Workload(
            len(inputs), inputs, texts, lambda _: {}, lambda rows: [self.decide(r) for r in rows]
        )


AnyTask = Task[Any]
"""A task whatever its examples are: what tables hold."""


def one_text(question: Question, task: str) -> str:
    """The text of a question without a second one.

    Raises:
        UserError: there is a second text, which the task has no use for.
    """
    if question.passage is not None:
        raise UserError(f"--passage is for tasks with two texts; {task} takes --text alone")
    return question.text


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))
