"""Postcodes in text, by their shape or by what stands beside them.

Where a shape is nobody else's, as in Britain and Canada, it is enough. Plain digits need a state, a
town or a flat beside them; with a label, `maskline._detectors.labelled` finds them. This module
knows the shapes of postcodes. It does not know columns.
"""

from typing import Final

from maskline._detectors.checks import compiled
from maskline.patterns import PatternDetector, PatternRule, whole

__all__ = ["postcode_detector"]

_BRITISH: Final = r"(?:[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}|GIR[ ]?0AA)"
# The letters that British postcodes begin with, as Royal Mail has them.
_AREAS: Final = frozenset(
    b"AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT"
    b" DY E EC EH EN EX FK FY G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L"
    b" LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S"
    b" SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR"
    b" WS WV YO ZE".split()
)
_STATES: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]"
    r"|T[NX]|UT|V[AIT]|W[AIVY])"
)
_FLAT: Final = r"(?i:apartment|apt|suite|ste|flat)\.?[ ]?#?\d{1,5}"
_NAME: Final = r"[A-Za-z\x80-\xf4][A-Za-z\x80-\xf4.'()\-]*"
_BETWEEN: Final = r"[ ,]{0,2}[ \n,][ \n>?*|]{0,6}"


def postcode_detector() -> PatternDetector:
    """Return a detector of postcodes."""
    rules = [
        PatternRule(
            entity="ZIP_CODE",
            pattern=_BRITISH,
            score=0.85,
            trigger=r"\d[A-Z]{2}",
            cut=whole(_is_british),
        ),
        PatternRule(
            entity="ZIP_CODE",
            pattern=r"[ABCEGHJ-NPR-TVXY]\d[ABCEGHJ-NPR-TV-Z][ \-]?\d[ABCEGHJ-NPR-TV-Z]\d",
            score=0.88,
            trigger=r"[A-Z]\d[A-Z][ \-]?\d[A-Z]\d",
        ),
        PatternRule(
            entity="ZIP_CODE",
            pattern=rf"\b{_STATES}[ ,]{{1,2}}(\d{{5}}(?:-\d{{4}})?)",
            score=0.9,
            trigger=r"[A-Z][ ,]{1,2}\d{5}",
        ),
        PatternRule(
            # A town after it, and a comma or a new line before it; a year is none.
            entity="ZIP_CODE",
            pattern=(
                r"[,\n][ >?]{0,6}((?:[A-Z]{1,2}-)?(?:\d{5}|[3-9]\d{3}|1[0-8]\d\d|2[1-9]\d\d)"
                r"|\d{4}[ ]?[A-Z]{2}|\d{3}[ ]\d\d|\d\d-\d{3}|\d{5}-\d{3})"
                r"[ ]{1,2}[A-Z\xc3\xc5][A-Za-z\x80-\xf4]{2}"
            ),
            score=0.75,
            trigger=r"[,\n][ >?]{0,6}[A-Z\d]",
        ),
        PatternRule(
            entity="ZIP_CODE",
            pattern=rf"{_FLAT}(?:{_BETWEEN}{_NAME}){{1,8}}[ ,]{{1,2}}(\d{{5}})",
            score=0.9,
            trigger=rf"{_FLAT}",
        ),
        PatternRule(
            entity="ZIP_CODE",
            pattern=rf"\d[\n,][ >?]{{0,6}}(?:{_NAME}[ ]){{1,4}}(?:[A-Z]{{2,3}}|nan)[ ](\d{{5}})",
            score=0.85,
            trigger=r"[A-Za-z][ ]\d{5}",
        ),
    ]
    return PatternDetector("postcode", rules)


def _is_british(value: bytes) -> bool:
    area = compiled(r"^[A-Z]+").match(value).group()
    is_inward = compiled(r"\d[ABD-HJLNP-UW-Z]{2}$").search(value) is not None
    return value[:3] == b"GIR" or (area in _AREAS and is_inward)
