"""What Mien is to be used for, and what the law says of it. The answer is kept beside the settings."""

from __future__ import annotations

import sys
from typing import NamedTuple

from deploy.machine import Refusal

FILE = "/etc/mien/purpose"

INFORM = "People must be told that their emotions are being read (EU AI Act, Regulation 2024/1689, Art. 50(3))."
FORBIDDEN = (
    "Inferring emotions of people at work or in education is forbidden in the European Union, unless the system is"
    " there for medical or safety reasons (EU AI Act, Art. 5(1)(f))."
)


class Purpose(NamedTuple):
    """name: as typed. what: for people. restricted: only with a legal exception."""

    name: str
    what: str
    restricted: bool = False


PURPOSES = (
    Purpose("home", "for myself and those I live with"),
    Purpose("art", "an exhibition, an installation, a game"),
    Purpose("research", "a study whose participants have agreed to it"),
    Purpose("health", "care or therapy, with those concerned"),
    Purpose("public", "a shop, an event, another place that people visit"),
    Purpose("workplace", "where people work", restricted=True),
    Purpose("education", "a school, a university, a course", restricted=True),
)
EXCEPTIONS = ("medical", "safety")


def settle(name: str | None, exception: str | None, kept: str | None) -> str:
    """What goes into the file: the purpose and the exception it rests on.

    kept: what the file holds already; it stands unless another purpose is given. Raises Refusal.
    """
    if name is None and kept is not None:
        return kept
    if name is None:
        if not sys.stdin.isatty():
            names = ", ".join(purpose.name for purpose in PURPOSES)
            raise Refusal(f"--purpose is missing: one of {names} (docs/RESPONSIBLE_USE.md says why it is asked)")
        name = ask_purpose()
    purpose = next((one for one in PURPOSES if one.name == name), None)
    if purpose is None:
        raise Refusal(f"--purpose {name}: must be one of {', '.join(one.name for one in PURPOSES)}")
    if exception is not None and exception not in EXCEPTIONS:
        raise Refusal(f"--legal-exception {exception}: must be one of {', '.join(EXCEPTIONS)}")
    if purpose.restricted and exception is None:
        if not sys.stdin.isatty():
            raise Refusal(
                f"--purpose {name}: {FORBIDDEN} Where that is so, say --legal-exception medical or safety."
            )
        exception = ask_exception(name)
    return f"purpose = {name}\n" + (f"legal exception = {exception}\n" if purpose.restricted else "")


def ask_purpose() -> str:
    """Ask until one of the purposes is named."""
    print("What is it for?", *(f"  {one.name:10} {one.what}" for one in PURPOSES), sep="\n")  # noqa: T201
    print(INFORM, FORBIDDEN, sep="\n")  # noqa: T201
    while True:
        answer = input("Purpose: ").strip().lower()
        if any(answer == one.name for one in PURPOSES):
            return answer


def ask_exception(name: str) -> str:
    """Ask what makes it lawful. Raises Refusal where nothing does."""
    print(FORBIDDEN)  # noqa: T201
    answer = input("Is it there for medical or safety reasons? (medical, safety, no): ").strip().lower()
    if answer not in EXCEPTIONS:
        raise Refusal(
            f"not installed: {name} without a medical or safety reason is forbidden (EU AI Act, Art. 5(1)(f))"
        )
    return answer
