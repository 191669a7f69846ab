"""A small registry of its own: three purposes like those of the town, one of each other kind, one prohibition.

It is independent of the shipped registry, so that a change of law there changes no test of a decision.
"""

from typing import Final

from schemas.registry import load
from schemas.registry_files import bundle_of

_LABEL: Final = 'label = {de = "Wort", en = "word"}\n'


def _kind(name: str, *, public: bool, secrecy: bool, sanction: bool, ceiling: int) -> str:
    flags = {"public": public, "section35": False, "secrecy_203": secrecy, "secret_clientele": False}
    lines = [f'[[agency_kind]]\nname = "{name}"\n{_LABEL}']
    lines += [f"{flag} = {str(value).lower()}\n" for flag, value in {**flags, "sanction_power": sanction}.items()]
    return "".join([*lines, f"ceiling = {ceiling}\n"])


KINDS: Final = (
    _kind("counselling", public=False, secrecy=True, sanction=False, ceiling=3)
    + _kind("jobcentre", public=True, secrecy=False, sanction=True, ceiling=2)
    + _kind("immigration", public=True, secrecy=False, sanction=True, ceiling=2)
    + _kind("provider", public=False, secrecy=False, sanction=False, ceiling=2)
    + _kind("planning", public=True, secrecy=False, sanction=False, ceiling=0)
)

FIELDS: Final = "".join(
    f'[[field]]\nname = "{name}"\n{_LABEL}type = "text"\nsensitivity = {sensitivity}\nlead = "any"\n'
    for name, sensitivity in {
        "course.started": 0,
        "course.state": 1,
        "course.result": 2,
        "course.advice": 3,
        "person.status": 2,
        "cv.school": 1,
        "cv.goal": 2,
        "benefit.state": 1,
    }.items()
)


def _purpose(name: str, asks: str, holds: str, basis: str, fields: str, more: str = "") -> str:
    return (
        f'[[purpose]]\npurpose = "{name}@1"\n{_LABEL}requester_kinds = [{asks}]\nholder_kinds = [{holds}]\n'
        f'basis = [{basis}]\nnorm = ["SGB X § 67"]\nfields = [{fields}]\n'
        'release = "automatic"\nanswer_within_s = 3600\nvalid_from = "2020-01-01"\nreview = "draft"\n'
        + ("" if "mode" in more else 'mode = "single"\n')
        + ('inform = "next_contact"\n' if "statute" in basis else "")
        + more
    )


_DECLARED: Final = 'conditions = ["reason_not_from_client"]\n'

PURPOSES: Final = (
    _purpose(
        "Z16",
        '"counselling", "jobcentre", "planning"',
        '"provider"',
        '"consent"',
        '"course.*"',
        'neutral_collector = ["jobcentre"]\n',
    )
    + _purpose("Z17", '"counselling"', '"immigration"', '"consent"', '"person.status"')
    + _purpose("Z18", '"jobcentre"', '"counselling"', '"consent"', '"cv.*"', 'secrecy_release = "if_holder_203"\n')
    + _purpose("Z03", '"jobcentre"', '"immigration"', '"statute"', '"person.status"', _DECLARED)
    + _purpose(
        "Z23",
        '"immigration", "jobcentre"',
        '"counselling", "provider"',
        '"client_request", "cooperation_duty"',
        '"cv.school", "course.state"',
    )
    + _purpose("Z19", '"counselling"', '"jobcentre"', '"consent"', '"benefit.state"', 'mode = "subscription"\n')
    + _purpose("Z20", '"counselling"', '"provider"', '"consent"', '"course.state"', 'secrecy_release = "always"\n')
    + _purpose("Z08", '"jobcentre"', '"immigration"', '"statute"', '"benefit.state"', 'valid_to = "2024-12-31"\n')
)

PROHIBITIONS: Final = (
    f'[[prohibition]]\nrule = "v01"\n{_LABEL}requester_kinds = ["immigration"]\nholder_kinds = ["counselling"]\n'
    'except_purposes = ["Z23"]\nexcept_basis = ["client_request"]\n'
)


def bundle(kinds: str = KINDS, fields: str = FIELDS, purposes: str = PURPOSES) -> bytes:
    """Make the bundle, or one with other texts in place of some of its own."""
    values = f'values = [{{code = "a", {_LABEL.strip()}}}]\n'
    lists = '[[code_list]]\nname = "unused"\nsource = "none"\nvalid_from = "2020-01-01"\n' + values
    return bundle_of(
        {
            "agency_kinds": kinds,
            "code_lists": lists,
            "fields": fields,
            "prohibitions": PROHIBITIONS,
            "purposes": purposes,
        }
    )


BUNDLE: Final = bundle()
LAW: Final = load(BUNDLE)
