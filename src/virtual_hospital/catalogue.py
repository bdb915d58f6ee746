"""The findings that can be drawn: their names, their words, and the odds of side, zone, severity.

Explained in book/01_reading_a_radiograph.
"""

from dataclasses import dataclass

from txtray_utils.read.mesh_rules import STERNOTOMY
from txtray_utils.vocabulary import ZONES


@dataclass(frozen=True)
class Finding:
    """One finding: its name, its CheXpert label (None: it has none) and how silence is filled in.

    `words` is a regular expression for the sentences of a report that speak of it. `side_odds` are
    the odds of right, left and both, `zone_odds` of upper, middle, lower and throughout (""), used
    where code and sentence are silent; () = it has none.
    """

    name: str
    chexpert: str | None
    words: str
    side_odds: tuple[float, ...] = ()
    zone_odds: tuple[float, ...] = ()
    severity_odds: tuple[float, float, float] = (0.4, 0.4, 0.2)

    @property
    def sided(self) -> bool:
        """Whether it has a side."""
        return bool(self.side_odds)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones it may lie in; "" means throughout."""
        may = []
        for zone, odds in zip(ZONES, self.zone_odds, strict=False):
            if odds:
                may.append(zone)
        return tuple(may)


CATALOGUE = (
    Finding(
        "cardiomegaly", "Cardiomegaly", r"cardiomegaly|heart|cardiac (?:silhouette|shadow|size)"
    ),
    Finding("tortuous_aorta", None, r"aorta|aortic"),
    Finding("effusion", "Pleural Effusion", r"effusion|pleural fluid", (0.35, 0.35, 0.3)),
    Finding("pneumothorax", "Pneumothorax", r"pneumothora", (0.6, 0.4, 0.0), (1.0, 0.0, 0.0, 0.0)),
    Finding(
        "consolidation",
        "Consolidation",
        r"consolidat|pneumonia|air\s?-?space|infiltrat",
        (0.4, 0.4, 0.2),
        (0.15, 0.2, 0.65, 0.0),
    ),
    Finding(
        "opacity",
        "Lung Opacity",
        r"opaci|densit|infiltrat",
        (0.4, 0.35, 0.25),
        (0.2, 0.2, 0.6, 0.0),
    ),
    Finding(
        "interstitial",
        "Lung Opacity",
        r"interstiti|reticul|marking|fibro",
        (0.05, 0.05, 0.9),
        (0.1, 0.1, 0.3, 0.5),
    ),
    Finding("oedema", "Edema", r"o?edema|congestion|vascular|failure"),
    Finding(
        "atelectasis",
        "Atelectasis",
        r"atelecta|collapse",
        (0.3, 0.4, 0.3),
        (0.1, 0.1, 0.8, 0.0),
    ),
    Finding(
        "nodule",
        "Lung Lesion",
        r"nodul|mass|lesion|densit|opaci",
        (0.5, 0.4, 0.1),
        (0.35, 0.25, 0.4, 0.0),
    ),
    Finding("granuloma", None, r"granuloma|calcif", (0.45, 0.4, 0.15), (0.3, 0.3, 0.4, 0.0)),
    Finding("scar", "Lung Opacity", r"scar|cicatri|fibro", (0.3, 0.4, 0.3), (0.4, 0.15, 0.45, 0.0)),
    Finding("hyperinflation", None, r"inflat|expan|distend|emphysem|copd|obstructive|flatten"),
    Finding("low_volume", None, r"volume|inflat|inspirat|expan"),
    Finding("raised_diaphragm", None, r"diaphragm|eventration", (0.6, 0.35, 0.05)),
    Finding("scoliosis", None, r"scolio|curvature", (0.7, 0.3, 0.0)),
    Finding("central_line", "Support Devices", r"cathet|line|picc|port|svc|cava", (0.6, 0.4, 0.0)),
    Finding(
        "pacemaker",
        "Support Devices",
        r"pac(?:er|ing|emaker)|defib|icd|generator|\bleads?\b",
        (0.05, 0.95, 0.0),
    ),
    Finding("sternal_wires", None, STERNOTOMY),
)

BY_NAME = {finding.name: finding for finding in CATALOGUE}
