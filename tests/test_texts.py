"""The texts of the tests are what the fixtures say they are."""


def test_every_answer_stands_in_its_passage(qa_examples: list[dict[str, str]]) -> None:
    assert len(qa_examples) >= 10
    for example in qa_examples:
        assert example["answer"] in example["passage"]
