"""A few texts of our own, on which every package is compared with PyTorch after its export."""

QUESTIONS = (
    (
        "When did the ferry first cross the strait?",
        "The ferry first crossed the strait in May 1907, carrying forty passengers and a piano. "
        "It ran twice a day until the bridge was opened in 1969.",
    ),
    (
        "What keeps the dough from drying out?",
        "Cover the bowl with a damp cloth while the dough rests; the cloth keeps it from drying "
        "out. After two hours it should have doubled in size.",
    ),
    (
        "How far is the observatory from the town?",
        "From the town a gravel road climbs eleven kilometres to the observatory. The dome was "
        "finished in 1958, and on clear nights visitors may look through the smaller telescope.",
    ),
    (
        "Who repairs the clock?",
        "The clock in the market hall has no electric parts. A watchmaker from the next valley "
        "repairs it every spring, oils the bearings and sets it by radio.",
    ),
)
"""(question, passage) pairs; the answer stands in the passage."""
