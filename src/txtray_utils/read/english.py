"""Whether a text is English, as the patterns of findings are: a refusal, not a guess.

"Kein Pneumothorax." names a pneumothorax and no English denial, so a labeller that reads on calls
it present. A share of known words decides, and words of other languages speak against it.
Explained in book/02_reading_a_report.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

_ENGLISH = frozenset(
    "a about above absence absent acute again along also an and any apical appear appearance "
    "appears are area areas as at base bases be been below bilateral bilaterally blunting bones "
    "bony both bronchovascular but by calcified can cannot central changes chest chronic clear "
    "clinical compared comparison compatible concerning consistent contour contours could cough "
    "crowding degenerative demonstrate demonstrated demonstrates diffuse disease do does due edema "
    "elevated elevation enlarged enlargement evaluation evidence exam examination expanded film "
    "findings fluid focal for fracture fractures free from given granulomatous greater grossly had "
    "has have he heart her hilar his history however identified if impression in increased "
    "indicated infiltrate infiltrates intact interval into is it its large lateral left less level "
    "likely limits line lines lobe lobes low lower lung lungs marked markings mass masses may "
    "mediastinal mild mildly minimal minimally moderate more most mm multiple near negative new no "
    "nodular nodule nodules none nonspecific normal not noted now of old on one or osseous other "
    "otherwise over overlying pacemaker patchy patient placement pneumonia position possible "
    "possibly posterior present previous previously prior probable probably process prominent "
    "pulmonary question questionable radiograph recommended related removed represent resolved "
    "rib ribs right round scar scarring scattered seen several she shows side silhouette since "
    "size slight slightly small soft space spine stable status stomach structures study such "
    "suggest suggesting suspicious than that the there these this throughout tip to tortuous tube "
    "two unchanged under unremarkable upper vascularity versus view views visible visualized "
    "volumes was well were when which who wires with within without would year years".split()
)
_FOREIGN = frozenset(  # German, French, Spanish, Portuguese, Italian, Dutch, Nordic, Slavic, ...
    "kein keine keinen keiner keinerlei nicht und der das dem des ein eine einer eines mit ohne "
    "ist sind bei beidseits beidseitig rechts links rechter linker kleiner unauffällig zum zur "
    "auf für nach vom nachweis hinweis verdacht pas sans avec le la les une de et est sont dans "
    "au aux droite gauche droit aucun aucune épanchement el los las sin con del hay una derecha "
    "derecho izquierda izquierdo derrame ningún não sem com dos ao direita esquerda nenhum há il "
    "gli nessun nessuna senza destra destro sinistra sinistro versamento della delle dello che "
    "sono geen niet een het met zonder van aanwijzingen ingen inget ikke inte og och uten utan "
    "højre höger vänster venstre ei ole eikä nie bez oraz jest brak prawej lewej nem nincs és "
    "yok sol sağ fara fără este tidak ada tanpa dan kiri kanan khong không".split()
)
_STEMS = re.compile(  # words of medicine, which English shares with its neighbours
    r"pneumo|pleur|effusion|cardi|atelecta|consolid|opaci|edema|oedema|fractur|nodul|lesion|mass|"
    r"lung|lob|pulmon|hern|emphysem|fibro|granulom|catheter|thora|hil[au]|medias|vascul|sternotom|"
    r"device|support|finding|tubercul|scolio|spondyl|kypho|sarcoid|bronch|interstitial|aort|arter|"
    r"atheroscler|diaphragm|hyper|hypo|post|pre|sub|un|re|calcif|copd|picc|cabg|icd|port|chole|"
    r"clavic|humer|shoulder|vertebr|abdom|bowel|gas|lymph|metast|malignan|cancer|tumou?r|carcinoma|"
    r"ptx|eff|mod|lg|rll|lll|rul|lul|rml|chf|nad|cxr|wnl|ett|ngt|cta|bilat|consol|infilt|neg|clr|"
    r"infect|inflam|airspace|air|bas[ei]|peri|retro|para|osteo|lucen|dens|scler|cyst|cavit|bull"
)
_ENDINGS = re.compile(
    r"(?:ed|ing|ly|ness|ment|ity|ous|ectomy|otomy|plasty|osis|itis|ation|tion|sion|al|ar|ic|age|"
    r"ant|ent|able|ible|y|s)$"
)
_WORD = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[xX]{2,}")  # of de-identification
_MIXED = re.compile(r"[A-Za-z]{2}[\u0370-\uffef]|[\u0370-\uffef][A-Za-z]{2}")  # Latin and another
_MANY = 6  # words from which a share is asked for
_SHARE = 0.3


def has_a_word(text: str) -> bool:
    """Tell whether anything but gaps, numbers and punctuation is left."""
    return bool(_words(text))


def is_english(sentences: Iterable[str]) -> bool:
    """Tell whether a text, given as its sentences, can be read as English.

    A text without a word can. One cannot where too few of its words are known, where a sentence has
    as many words of another language as English ones, or a word holds letters of two scripts.
    """
    count, known = 0, 0
    for sentence in sentences:
        words, english, likely = _counts(sentence)
        if english < 0:
            return False
        count += words
        known += english + likely
    if count < _MANY:
        return known > 0 or count == 0
    return known >= _SHARE * count


@lru_cache(maxsize=50_000)
def _counts(sentence: str) -> tuple[int, int, int]:
    """Return how many words a sentence has, how many are English, and how many others may be;
    -1 English words where it is of another language."""
    words = _words(sentence)
    english, foreign, likely = 0, 0, 0
    for word in words:
        if word in _ENGLISH:
            english += 1
        elif word in _FOREIGN or not word.isascii():
            foreign += 1
        elif _STEMS.match(word) or _ENDINGS.search(word):
            likely += 1
    mixed = _MIXED.search(sentence)
    if mixed or (foreign and foreign >= english):
        english = -1
    return len(words), english, likely


def _words(text: str) -> list[str]:
    without_gaps = _GAP.sub("", text)
    return _WORD.findall(without_gaps.lower())
