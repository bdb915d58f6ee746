"""Studies that the tests of the explorer show; every text is our own."""

import numpy as np

from txtray_utils.show.explorer import Shown

CREDIT = "Reports: made up for this test & <free>."
NASTY = (
    "Sharp <b>bold</b> & \"quoted\" 'text'.\n\n"
    "  </script></style><script>document.title = 'broken'</script> &amp;"
)
THEMES = {  # sphinx-book-theme's pages
    "light": "#ffffff; color: #222832",
    "dark": "#121212; color: #ced6dd",
}


def study(number: int) -> Shown:
    return Shown(
        name=f"Study {number}: lines",
        film=np.random.default_rng(number).random((24, 32), np.float32),
        about=f"Noise {number} in place of a film",
        reports={
            "radiologist": f"True words {number}.",
            "parrot": f"Parrot words {number}.",
            "decoder": "No words.",
        },
        findings={
            "parrot": {"right": ["effusion"], "wrong": ["fracture", "pneumonia"]},
            "decoder": {"missed": ["mass"]},
        },
    )


STUDIES = [study(number) for number in (1, 2, 3)]
