"""Columns that are likely personal data, judged by the words of their headers and the form of their values.

The classes are those of the key `personal` in dbt's column `meta`. A guess, to be looked at by a person: the class that
somebody wrote down wins. National identity numbers are checked by python-stdnum; why no larger library: docs/catalog.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NONE, QUASI_IDENTIFIER, PSEUDONYM = "none", "quasi_identifier", "pseudonym"
SENSITIVE, DIRECT_IDENTIFIER = "sensitive", "direct_identifier"
CLASSES = (NONE, QUASI_IDENTIFIER, PSEUDONYM, SENSITIVE, DIRECT_IDENTIFIER)
"""From the class that needs no care to the one that needs most."""

LIKELY_SHARE = 0.9
"""A form counts when at least this share of the distinct values has it."""

LOOKED_AT = 1_000
"""Distinct values whose form is looked at."""

FEWEST_ROWS = 20
"""Rows from which on a column without a repeated value is taken for an identifier."""


@dataclass(frozen=True)
class Personal:
    """A likely class of personal data and why it is likely, in words."""

    personal: str
    reason: str


# Words of a header, in the languages that offices' files were seen in; each stands alone or between _, - and spaces.
_HEADERS: Sequence[tuple[str, str, str]] = (
    (DIRECT_IDENTIFIER, "an e-mail address", r"e[ _-]?mail|correo"),
    (DIRECT_IDENTIFIER, "a telephone number", r"phone|telephone|mobile|tel|fax|telefono|teléfono|movil|móvil"),
    (
        DIRECT_IDENTIFIER,
        "a national identity number",
        r"ssn|social security|passport|national id|dni|nif|nie|bsn|nino|tax id",
    ),
    (DIRECT_IDENTIFIER, "a person's name", r"((first|last|family|given|full|sur|student|parent|guardian) ?)?names?"),
    (DIRECT_IDENTIFIER, "a person's name", r"surname|nombres?|apellidos?|guardian|mother|father|parents?"),
    (DIRECT_IDENTIFIER, "an address", r"(home |street |postal )?address|street|direccion|dirección"),
    (DIRECT_IDENTIFIER, "a person's identifier", r"(student|pupil|person|learner|school|candidate)? ?(id|number|no)"),
    (QUASI_IDENTIFIER, "a date of birth", r"(date of )?birth( ?(date|day|year))?|dob|born|nacimiento"),
    (QUASI_IDENTIFIER, "a place", r"zip( ?code)?|post(al)? ?code|codigo postal|city|town"),
    (QUASI_IDENTIFIER, "age or gender", r"age|edad|gender|sex|sexo|genero|género"),
    (QUASI_IDENTIFIER, "the parents' education", r"parent(al|s|s')? (level of )?education"),
    (SENSITIVE, "origin or belief", r"race( ethnicity)?|ethnic(ity)?|religion|nationality|raza|nacionalidad"),
    (SENSITIVE, "health or need", r"disabilit(y|ies)|medical|health|diagnosis|special needs?|allerg(y|ies)"),
    (SENSITIVE, "household income", r"lunch|income|free meals?|fsm"),
    (SENSITIVE, "a reason of absence", r"(absence )?reasons?|excuse"),
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"\+\d[\d ().-]{7,18}|(?=.*[ ().-])0?\(?\d{2,4}\)?[ .-]\d{2,4}([ .-]?\d{2,4}){1,3}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{4}")
# Two or more words with a capital: only half of an argument, so it must come with nearly a value a row.
_NAME = re.compile(r"[^\W\d_][\w'.-]*,?( [^\W\d_][\w'.-]*){1,4}")
_US_SOCIAL_SECURITY = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")


def likely_personal(name: str, type_: str, values: Sequence[str], distinct: int, row_count: int) -> Personal | None:
    """The likely class of a column and why; None where nothing speaks for one.

    values: distinct values, all or a sample. distinct, row_count: distinct values and rows with a value.
    """
    if not values:
        return None
    by_form = _by_form(values[:LOOKED_AT])
    if by_form is not None:
        return by_form
    header = re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip().lower()
    for personal, meaning, pattern in _HEADERS:
        if re.fullmatch(rf"(\w+ )??({pattern})( \w+)??", header) and not _is_about_something_else(
            meaning, type_, distinct
        ):
            return Personal(personal, f"the header reads like {meaning}")
    if distinct == row_count >= FEWEST_ROWS and type_ in ("integer", "text") and not any(" " in v for v in values):
        return Personal(DIRECT_IDENTIFIER, "every row has a value of its own")
    if 2 * distinct > row_count >= FEWEST_ROWS and _share(values[:LOOKED_AT], _is_name) >= LIKELY_SHARE:
        return Personal(DIRECT_IDENTIFIER, "the values read like people's names")
    return None


def _is_about_something_else(meaning: str, type_: str, distinct: int) -> bool:
    """A handful of values, or fractions, name no person: `course name`, `parents` (yes or no)."""
    is_about_a_person = meaning in ("a person's name", "a person's identifier", "an address")
    return is_about_a_person and (distinct <= 2 or type_ == "decimal")


def _by_form(values: Sequence[str]) -> Personal | None:
    if _share(values, _EMAIL.fullmatch) >= LIKELY_SHARE:
        return Personal(DIRECT_IDENTIFIER, "the values have the form of e-mail addresses")
    if _share(values, _is_phone) >= LIKELY_SHARE:
        return Personal(DIRECT_IDENTIFIER, "the values have the form of telephone numbers")
    if len(values) >= FEWEST_ROWS and all(len(value) >= 8 for value in values):
        for country, is_valid in _identity_numbers().items():
            if _share(values, is_valid) >= LIKELY_SHARE:
                return Personal(DIRECT_IDENTIFIER, f"the values are valid identity numbers ({country})")
    return None


def _share(values: Sequence[str], holds: Callable[[str], object]) -> float:
    return sum(bool(holds(value)) for value in values) / len(values)


def _is_phone(value: str) -> bool:
    digits = sum(character.isdigit() for character in value)
    return 8 <= digits <= 15 and not _DAY.fullmatch(value) and bool(_PHONE.fullmatch(value))


def _is_name(value: str) -> bool:
    return bool(_NAME.fullmatch(value)) and value[0].isupper()


def _identity_numbers() -> dict[str, Callable[[str], object]]:
    """Numbers whose check digits make a chance match of a whole column impossible, by country."""
    # Imported here because few columns come this far.
    from stdnum.be import nn
    from stdnum.br import cpf
    from stdnum.de import idnr
    from stdnum.es import dni, nie
    from stdnum.fr import nir
    from stdnum.gb import nhs
    from stdnum.it import codicefiscale
    from stdnum.nl import bsn
    from stdnum.pl import pesel
    from stdnum.se import personnummer

    return {
        "United States": _US_SOCIAL_SECURITY.fullmatch,
        "Belgium": nn.is_valid,
        "Brazil": cpf.is_valid,
        "France": nir.is_valid,
        "Germany": idnr.is_valid,
        "Italy": codicefiscale.is_valid,
        "Netherlands": bsn.is_valid,
        "Poland": pesel.is_valid,
        "Spain": lambda value: dni.is_valid(value) or nie.is_valid(value),
        "Sweden": personnummer.is_valid,
        "United Kingdom, health service": nhs.is_valid,
    }
