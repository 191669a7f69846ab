"""What a client reads for the steps that the log holds. Pure."""

from typing import NamedTuple

from adapters.web.words import Words
from broker.core.client_story import Step


class Line(NamedTuple):
    """A step as it is shown."""

    sentence: str
    step: Step
    fields: str


def line(words: Words, step: Step) -> Line:
    """Say a step in a sentence."""
    sentence = words.texts(f"what.{step.what}", agency=words.agency(step.agency), other=words.agency(step.other))
    return Line(sentence, step, words.fields(step.fields))
