"""Texts for the tests of reading reports; every sentence is our own."""

from hypothesis import strategies as st

WORDS = st.sampled_from(
    [
        "no",
        "possible",
        "effusion",
        "heart",
        "is",
        "normal",
        "enlarged",
        "not seen",
        "left",
        "base",
        "opacity",
        "versus",
    ]
    + [
        "XXXX",
        "___",
        "1.",
        "Dr.",
        "resolved",
        "if",
        "but",
        ",",
        ".",
        "FINDINGS:",
        "\n\n",
        "\n- ",
        "mass",
        "?",
        "with",
    ]
)


TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join))


def squeezed(text: str) -> str:
    return "".join(text.split())
