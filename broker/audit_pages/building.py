"""Puts the auditor's pages together over a running broker."""

import secrets

from starlette.applications import Starlette

from adapters.web.assets import Assets
from adapters.web.pages import Pages
from adapters.web.sessions import Sessions
from adapters.web.throttle import Throttle
from broker.audit_pages import replaying
from broker.audit_pages.front import Front
from broker.auditing import Auditing
from broker.counting import Counting
from broker.log_files import LogFiles
from broker.long_work import LongWork
from broker.process import Broker
from broker.settings import HttpSettings
from broker.witness_state import Watch
from consent_ledger.ports import Clock

COOKIE = "__Host-handschlag-audit"
"""Of its own: who reads as an auditor in one window and as a client in another is both."""


def audit_pages(broker: Broker, files: LogFiles, work: LongWork, clock: Clock, http: HttpSettings) -> Starlette:
    """Give the auditor's pages over a running broker, for those whose tokens stand in the settings."""
    counting = Counting(files, lambda: broker.sequencer.end)
    broker.sequencer.committed.append(counting.committed)
    front = Front(
        auditing=Auditing(files, lambda: broker.witnessing.published),
        witnesses=Watch(broker.witnessing).look,
        tally=counting.tally,
        work=work,
        state=lambda: broker.sequencer.state,
        registries=broker.setup.bundles.ready,
        auditors=http.auditors,
        sessions=Sessions(clock, secrets.token_bytes, COOKIE),
        throttle=Throttle(clock),
        pages=Pages("broker.audit_pages", Assets.load()),
    )
    return front.app(replaying.pages(), tls=http.tls)
