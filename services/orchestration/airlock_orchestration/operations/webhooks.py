"""Webhooks: what others post becomes a run of the workflow that is for it."""

import structlog

from ..errors import WorkflowUnknown
from ..store import runs as run_store
from ..store.sessions import Sessions
from .alerts import Notification, identity, to_context
from .contexts import Context
from .principals import Principal
from .runs import Runs, Started

ALERT_WORKFLOW = "alert-notification"
SAME_SECONDS = 300
"""A notification that comes again within this time is the same one: its answer was lost, or a twin of the
sender posts it too. Later it is a reminder, and told again."""
_HINT = (
    "`airlock up` applies it; on an install of your own: "
    f"`airlock workflows apply examples/{ALERT_WORKFLOW}.yaml`, or a workflow of this name that you wrote."
)

log = structlog.get_logger(__name__)


async def notify(sessions: Sessions, runs: Runs, principal: Principal, notification: Notification) -> Started:
    """Start the run that tells people of these alerts; the same notification answers the same run.

    Raises WorkflowUnknown, and what starting a run raises.
    """
    same = identity(notification)
    async with sessions.path() as connection:
        key = await run_store.key_within(
            connection, principal.project, ALERT_WORKFLOW, same, seconds=SAME_SECONDS
        )
    context = Context.of(to_context(notification))
    try:
        started = await runs.trigger(
            principal, ALERT_WORKFLOW, context, key=key, kind="webhook", same=same.encode()
        )
    except WorkflowUnknown as error:
        raise WorkflowUnknown(error.detail, hint=_HINT, **error.details) from error
    if not started.replayed:
        log.info(
            "webhook.accepted",
            source=notification.source,
            status=notification.status,
            alerts=len(notification.alerts),
            run=started.accepted.id,
        )
    return started
