"""Whether a text is English, as the patterns of findings are: a refusal, not a guess.

"Kein Pneumothorax." names a pneumothorax and no English denial, so a labeller that reads on calls
it present. A share of known words decides, and words of other languages speak against it.
Explained in book/02_reading_a_report.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

_ENGLISH_WORDS = (
    "abnormalities about above absence absent accessory active acute additional adjacent after "
    "again age airway airways all along already also although an and aneurysm ankle another any "
    "appear appearance appears are area areas arteries artery artifact artifacts as aspect "
    "assess at available base bases be been before below benign bent better between bilaterally "
    "blade blunted blunting body bone bones bony borderline both breast broken bronchovascular "
    "bullet but by calcified called can cannot change changes chest chronic clear clinical clips "
    "collapse collar compared comparison compatible complete concern concerning congestive "
    "consider considerations consistent contour contours contrast cough could crowding decrease "
    "defibrillator deformities degenerative degree demonstrate demonstrated demonstrates dense "
    "dependent detail deviated differences difficult diffuse dimension disc discussed disease "
    "displacement does doubtful drain drains due earlier effort either elevated elevation else "
    "end enlarged enlargement enlarging entire erect evaluate evaluation evidence exam "
    "examination exams exclude expanded external failure fair fat femur few film films findings "
    "first flattened fluid fold folds follow foot for foreign fracture fractures free from "
    "frontal further fusion gallbladder given gone good granulomatous greater greatest grossly "
    "growing had hand has have he head healed heart heavy her here hidden high hilar hip hips "
    "his history hours however identified if image images implant implants impression "
    "improvement improving in includes incomplete increase increased indicated inferior "
    "infiltrate infiltrates inserted inspiration intact interval into is it its jewelry joint "
    "jugular kinked knee known large largest leads left less level levels like likely limit "
    "limits line lines liver lobe lobes look looks loops loss low lower lung lungs marked "
    "markings mass masses may mediastinal message middle midline mild mildly minimal minimally "
    "mm moderate months more most multiple narrowed near neck negative nerve new nil nipple no "
    "nodular nodule nodules none nonspecific not note noted nothing notification notified now "
    "oblique obscured obscures of ok old on one only or osseous other otherwise out outside over "
    "overall overlies overlying pacemaker patchy patient pectus pelvis persist persistent "
    "persists placement please pna poor portable position possible possibly present previous "
    "previously prior probable probably process prominence prominent prosthesis question "
    "questionable radiograph radiographic radiographs ratio recommend recommended related "
    "removed represent resolved result results rib ribs right ring rotated round same scan scar "
    "scarring scattered screw second secondary see seems seen segment separation septal series "
    "several severe shadow shadows sharp she shift shifted should shoulder show shows side "
    "significant silhouette similar since single sits size skin slight slightly small smaller "
    "smooth soft some somewhat space spine spleen stable stands status sternum still stomach "
    "stool streaky stripe structures study submitted such suggest suggesting suggestive suggests "
    "sulci superior supine surface surgery surgical suspicious symmetric technique tented than "
    "thanks that the there these they thickened thin third this three through throughout tip "
    "tissue tissues to today top tortuous total trachea treatment true tube tubes two unchanged "
    "unclear under unknown unremarkable upper upright useful vague valve vascularity vein versus "
    "very view views visible visualized volumes wall was wedge weeks well were when whether "
    "which who whose widened windpipe wire wires with within without worse worsening would wrist "
    "year years yesterday"
)
_FOREIGN_WORDS = (  # German, French, Spanish, Portuguese, Italian, Dutch, Nordic, Slavic, ...
    "kein keine keinen keiner keinerlei nicht und der das dem des ein eine einer eines mit ohne "
    "ist sind bei beidseits beidseitig rechts rechter linker kleiner unauffällig zum zur auf für "
    "nach vom nachweis hinweis verdacht pas sans avec le la les une de et est sont dans au aux "
    "droite gauche droit aucun aucune épanchement el los las sin con del hay una derecha derecho "
    "izquierda izquierdo derrame ningún não sem com dos ao direita esquerda nenhum há il gli "
    "nessun nessuna senza destra destro sinistra sinistro versamento della delle dello che sono "
    "geen niet een het met zonder van aanwijzingen ingen inget ikke inte og och uten utan højre "
    "höger vänster venstre ei ole eikä nie bez oraz jest brak prawej lewej nem nincs és yok sol "
    "sağ fara fără este tidak ada tanpa dan kiri kanan khong không se evidencia observa observan "
    "aprecia visualiza signos nein links"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_FOREIGN = frozenset(_FOREIGN_WORDS.split())
_MEDICAL = re.compile(  # words of medicine, which English shares with its neighbours
    r"pneumo|pleur|effusion|cardi|atelecta|consolid|opaci|edema|oedema|fractur|nodul|lesion|mass|"
    r"lung|lob|pulmon|hern|emphysem|fibro|granulom|catheter|thora|hil[au]|medias|vascul|sternotom|"
    r"anterior|medial|lumbar|cervic|hiat|atri|ventric|cost[oa]|coron|stent|mid|bi|hemi|supra|infra|"
    r"vir|bacter|fung|covid|sars|mers|strept|staph|lipoid|annul|scaph|ectati|sept|indeterm|normal|posterior|lateral|bilateral|apical|central|focal|device|support|tip|kub|ct|mri|pa|ap|pm|am|"
    r"finding|tubercul|scolio|spondyl|kypho|sarcoid|bronch|interstitial|aort|arter|"
    r"atheroscler|diaphragm|hyper|hypo|post|pre|sub|calcif|copd|picc|cabg|icd|port|chole|"
    r"clavic|humer|shoulder|vertebr|abdom|bowel|gas|lymph|metast|malignan|cancer|tumou?r|carcinoma|"
    r"ptx|eff|mod|lg|rll|lll|rul|lul|rml|chf|nad|cxr|wnl|ett|ngt|cta|bilat|consol|infilt|neg|clr|"
    r"infect|inflam|airspace|air|bas[ei]|peri|retro|para|osteo|lucen|dens|scler|cyst|cavit|bull|"
    r"\w{3,}(?:tomy|plasty|osis|itis|ity|tion)$"
)
_ENDINGS = re.compile(r"...(?:ed|ing|ly|ness|ous)$")  # of English
_WORD = re.compile(r"[^\W\d_]+")
_GAP = re.compile(r"[xX]{2,}")  # of de-identification
_MIXED = re.compile(r"[A-Za-z]{2}[\u0370-\uffef]|[\u0370-\uffef][A-Za-z]{2}")  # Latin and another
_MANY = 6  # words from which a share is asked for
_SHARE = 0.3


def has_a_word(text: str) -> bool:
    """Tell whether anything but gaps, numbers and punctuation is left."""
    return bool(_words(text))


def is_english(sentences: Iterable[str]) -> bool:
    """Tell whether a text, given as its sentences, can be read as English; one without a word can.

    Refused is a text with as many words of other languages as English ones, with too few words that
    are known, with a sentence on something medical in another language, or with a word of letters
    of two scripts.
    """
    whole: Counter = Counter()
    for sentence in sentences:
        words = _kinds(sentence)
        foreign = words["foreign"]
        if words["mixed"] or (words["medical"] and 0 < foreign >= words["english"]):
            return False
        whole += words
    strange = whole["foreign"] + whole["unknown"]
    known = whole["english"] + whole["medical"]
    if whole["english"] <= whole["foreign"] and 0 < strange >= whole["medical"]:
        return False
    return known >= _SHARE * (known + strange) or known + strange < _MANY


@lru_cache(maxsize=50_000)
def _kinds(sentence: str) -> Counter:
    """Count the words of a sentence: english, foreign, medical, unknown; mixed are two scripts."""
    found = Counter(map(_kind, _words(sentence)))
    found["mixed"] = len(_MIXED.findall(sentence))
    return found


def _kind(word: str) -> str:
    if word in _ENGLISH:
        return "english"
    if word in _FOREIGN or not word.isascii():
        return "foreign"
    if _ENDINGS.search(word):
        return "english"
    if _MEDICAL.match(word):
        return "medical"
    return "unknown" if len(word) > 1 else "letter"


def _words(text: str) -> list[str]:
    without_gaps = _GAP.sub("", text)
    return _WORD.findall(without_gaps.lower())
