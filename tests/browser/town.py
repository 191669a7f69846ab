"""What stands in the town before the pages are opened: catalogues, an approval, a consent of an invented client."""

from typing import NamedTuple

from handschlag.demo.stage import Stage
from handschlag.demo.story import Story
from handschlag.demo.telling import Teller
from handschlag.town import pick
from handschlag.town.people import COUNSELLING, JOBCENTER, SCHOOL
from handschlag.town.pick import Picked


class Silent(Teller):
    """Tells nothing."""

    def __call__(self, text: str) -> None:
        """Say nothing."""

    def chapter(self, title: str) -> None:
        """Begin nothing."""


def named(address: str) -> str:
    """Give an address by the name under which a browser keeps a login on plain HTTP."""
    return address.replace("127.0.0.1", "localhost")


class Played(NamedTuple):
    """The client whose consent the Jobcenter holds, as the Jobcenter knows them; the receipt's codes and the id."""

    stage: Stage
    client: Picked
    view_code: str
    withdraw_code: str
    consent: str

    @property
    def broker(self) -> str:
        """The address of the broker's pages, for a browser."""
        return named(self.stage.broker_address)


def played(stage: Stage) -> Played:
    """Play the first two scenes of the demo's story, for a client all three agencies know by the same name."""
    at_jobcenter = {one[:3] for one in pick.shared_between(stage.people, JOBCENTER, SCHOOL)}
    client = next(one for one in pick.shared_between(stage.people, COUNSELLING, SCHOOL) if one[:3] in at_jobcenter)
    story = Story(stage, Silent())
    story.agree()
    consent = story.take(client, uses=1000)
    story.leave_work()
    return Played(stage, client, consent["view_code"], consent["withdraw_code"], consent["consent"])
