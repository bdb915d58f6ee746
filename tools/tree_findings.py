"""What a check of a downloaded tree found, and what each chapter can do with it.

Explained in book/03_linking_images_to_the_record.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

PAIRS = "frontal films with reports"
CHAPTERS = {  # chapter: what it must have, and what it can use
    "01 Reading a radiograph": ({"films"}, {"masks"}),
    "02 Reading a report": ({"reports"}, {"codes"}),
    "03 Linking images to the record": ({"films", "record"}, {"emergency"}),
    "04 Contrastive alignment": (
        {PAIRS},
        {"drawn findings"},
    ),  # which the virtual hospital alone knows
    "05 Retrieval and zero-shot": ({PAIRS}, {"drawn findings"}),
    "06 Simulated and real": ({PAIRS}, {"drawn findings"}),
    "07 Writing a report": ({PAIRS}, set()),
    "08 Judging a report": ({PAIRS}, set()),
}
SHOWN = 3  # examples named of each fault


@dataclass
class Findings:
    """What was found: `counts` by name, `faults` (wrong), `gaps` (not here), and what it `has`.

    `lacks` is what no chapter can do without.
    """

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    has: set[str] = field(default_factory=set)
    lacks: set[str] = field(default_factory=set)

    def compare(self, fault: str, names: set, gap: bool = False) -> None:
        """Note the `names` that have this fault, if any, with a few examples."""
        if not names:
            return
        some = ", ".join(sorted(map(str, names))[:SHOWN])
        more = " ..." if len(names) > SHOWN else ""
        noted = self.gaps if gap else self.faults
        noted.append(f"{len(names):,} {fault}: {some}{more}")

    def holds(self, name: str, there: object) -> None:
        """Note that the tree has something, if it is `there`."""
        if there:
            self.has.add(name)

    def lines(self) -> Iterator[str]:
        """Give the findings as text: counts, gaps, faults, then each chapter."""
        for line in self._lines():
            yield printable(line)

    def _lines(self) -> Iterator[str]:
        for name, count in self.counts.items():
            yield f"{name:28} {count:>9,}"
        for gap in self.gaps:
            yield f"not here: {gap}"
        for fault in self.faults:
            yield f"WRONG: {fault}"
        for chapter, (must, can) in CHAPTERS.items():
            lacks, less = sorted((must - self.has) | self.lacks), sorted(can - self.has)
            able = f"no, {' and '.join(lacks)} missing" if lacks else "yes"
            if less and not lacks:
                able += f", without {' and '.join(less)}"
            yield f"{chapter}: {able}"


def printable(text: object) -> str:
    """Return a text in which nothing can steer a terminal: escapes and the like are spelt out."""
    shown = []
    for letter in str(text):
        if letter.isprintable():
            shown.append(letter)
        else:
            code = letter.encode("unicode_escape")
            shown.append(code.decode("ascii"))
    return "".join(shown)
