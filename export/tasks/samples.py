"""A few texts of our own, on which every package is compared with its library after its export."""

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
    (
        "Wann fährt die Überfahrt?",
        "Die Fähre fährt täglich um 7 Uhr; в мае — дважды.",
    ),
    (
        "时钟?",
        "时钟在市场里。渡輪は五月に出ます … café 😀",
    ),
)
"""(question, passage) pairs; the answer stands in the passage, but for the last two, in other
scripts."""

SINGLE = (
    "Ferry",
    "The clock, which has no electric parts, was repaired for 3.50 euros on 7/5/1907!",
    "Café naïve — Überfahrt nach Ålesund",
    "Часы на рынке стоят",
    "时钟在市场里。渡輪は五月に出ます",
    "الساعة في السوق",
    "हिन्दी घड़ी",
    "한국어 시계, 😀 <b>&amp;</b> a_b@c.de",
)
"""Texts in several scripts, from one word on: what tokenizers treat differently."""
