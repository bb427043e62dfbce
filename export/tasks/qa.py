"""Question answering: a span of a passage, or no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distill.console.errors import UserError
from distill.tasks import squad, squad_scores
from distill.tasks.statistics import Statistics
from export.tasks.model_inputs import Text
from export.tasks.task import Answer, Outputs, Question, Reading, Run, Task, Workload


@dataclass(frozen=True)
class Spans(Answer):
    """Spans of the passage, the likeliest first; an empty text means no answer.
    ``windows``: how many inputs the passage was read in."""

    question: str
    answers: list[squad.Answer]
    windows: int

    def words(self) -> list[str]:
        lines = [
            f"{span.text or 'no answer'}  (probability {span.probability:.2f}, score "
            f"{span.score:.2f}, characters {span.start}:{span.end})"
            for span in self.answers
        ]
        return lines or ["no answer"]


@dataclass(frozen=True)
class QuestionAnswering(Task[squad.Example]):
    """Start and end logits, each (1, length)."""

    name: str = "qa"
    in_swift: bool = True
    in_app: bool = True
    outputs: tuple[str, ...] = ("start_logits", "end_logits")
    architecture: str = "ForQuestionAnswering"
    auto_class: str = "AutoModelForQuestionAnswering"
    data: str = "SQuAD JSON"
    output_words: tuple[str, ...] = (
        "score of each position as the first of the answer",
        "score of each position as the last of the answer",
    )
    per_token: bool = True
    pairs: bool = True
    may_not_answer: bool = True
    windows: bool = True
    asked: str = "--passage FILE --question TEXT"

    def read(self, path: Path) -> list[squad.Example]:
        return squad.load_examples(path)

    def workload(self, examples: Sequence[squad.Example], reading: Reading) -> Workload:
        features = windows(examples, reading)
        texts: list[Text] = [(e.question, e.context) for e in examples]

        def decide(rows: list[Outputs]) -> list[str]:
            return [best[0].text for best in spans(examples, features, rows, reading).values()]

        def measure(rows: list[Outputs]) -> dict[str, float]:
            answers = dict(zip([e.id for e in examples], decide(rows), strict=True))
            scores = squad_scores.score(examples, answers)
            return {"exact_match": scores["exact_match"], "f1": scores["f1"]}

        def statistics(rows: list[Outputs]) -> Statistics:
            from distill.tasks.table import task_named

            answers = dict(zip([e.id for e in examples], decide(rows), strict=True))
            scored = task_named("squad").score_texts(examples, answers)
            return next(iter(scored.statistics.values()))

        inputs = [reading.padded(f.input_ids, f.token_type_ids) for f in features]
        return Workload(len(examples), inputs, texts, measure, decide, statistics)

    def predict(self, question: Question, reading: Reading, run: Run) -> Spans:
        if question.passage is None:
            raise UserError("question answering needs --passage TEXT|FILE|-")
        if not question.text.strip():
            raise UserError("the question is empty")
        examples = [squad.Example("0", question.text, question.passage, ())]
        features = windows(examples, reading)
        rows = [run(reading.padded(f.input_ids, f.token_type_ids)) for f in features]
        best = spans(examples, features, rows, reading, max(question.n_best, squad.N_BEST))["0"]
        return Spans(question.text, best[: question.n_best], len(features))

    def best_no_answer(
        self, examples: Sequence[squad.Example], reading: Reading, run: Run
    ) -> dict[str, float]:
        from distill.tasks.squad_task import best_threshold, no_answer_leads

        without = sum(not example.answers for example in examples)
        if without in (0, len(examples)):
            kind = "an answer" if without == 0 else "no answer"
            raise UserError(
                f"every question of the data has {kind}; to choose a threshold, the data must have "
                "questions of both kinds, as SQuAD 2.0 has them"
            )
        features = windows(examples, reading)
        rows = [run(reading.padded(f.input_ids, f.token_type_ids)) for f in features]
        starts = [row["start_logits"][0] for row in rows]
        ends = [row["end_logits"][0] for row in rows]
        longest = int(reading.settings["max_answer_length"])
        best = squad.decode(examples, features, starts, ends, max_answer_length=longest)
        leads = no_answer_leads(examples, best)
        texts = {key: found[0].text if found else "" for key, found in best.items()}
        return best_threshold(examples, texts, leads).metrics()


def windows(examples: Sequence[squad.Example], reading: Reading) -> list[squad.Feature]:
    """The windows of examples at the bundle's longest input."""
    settings = reading.settings
    return squad.make_features(
        examples,
        reading.tokenizer,
        max(reading.lengths),
        int(settings["doc_stride"]),
        int(settings["max_question_length"]),
    )


def spans(
    examples: Sequence[squad.Example],
    features: Sequence[squad.Feature],
    rows: Sequence[Outputs],
    reading: Reading,
    n_best: int = squad.N_BEST,
) -> dict[str, list[squad.Answer]]:
    """The best answers of each example; no answer, an empty text, where the bundle has a threshold
    and the first token scores higher than the best span by more than it."""
    threshold = reading.settings.get("no_answer_threshold")
    decoded = squad.decode(
        examples,
        features,
        [row["start_logits"][0] for row in rows],
        [row["end_logits"][0] for row in rows],
        n_best=n_best,
        max_answer_length=int(reading.settings["max_answer_length"]),
        allow_null=threshold is not None,
        null_threshold=float(threshold or 0),
    )
    nothing = [squad.Answer("", 0, 0, 0.0)]
    return {key: answers or nothing for key, answers in decoded.items()}
