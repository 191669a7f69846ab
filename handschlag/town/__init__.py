"""A town of invented people: what five agencies hold of them in five systems, with the mistakes real files have.

It serves the demo, the tests and the benchmarks. No person, place or organisation in it exists.
"""

from handschlag.town.building import AGENCY, FEDERATION, build, load, mapping_text
from handschlag.town.entries import Town

__all__ = ["AGENCY", "FEDERATION", "Town", "build", "load", "mapping_text"]
