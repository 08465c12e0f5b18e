"""/api/webhooks: what alerting posts, with a key of role webhook; each notification starts a run."""

from airlock_contracts.views import RunAccepted
from fastapi import APIRouter, Request, Response

from ..errors import AgentUnknown, ContextInvalid, InvalidDocument, WorkflowInvalid, WorkflowUnknown
from ..operations.alerts import AlertmanagerNotification, GrafanaNotification
from ..operations.webhooks import notify
from .answers import Answers, described, refusals
from .auth import Asking
from .dependencies import Deps
from .documents import read_foreign, takes
from .runs import show_started

posts = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

MAX_WEBHOOK_BYTES = 1024 * 1024
_ANSWERS: Answers = {
    202: described(
        "A run tells of it.",
        Location="Where the run is.",
        Idempotency_Replayed="`true` where the same notification was accepted within the last five minutes.",
    ),
    **refusals(InvalidDocument, WorkflowUnknown, AgentUnknown, WorkflowInvalid, ContextInvalid),
}


@posts.post(
    "/alertmanager", status_code=202, openapi_extra=takes(AlertmanagerNotification), responses=_ANSWERS
)
async def post_alertmanager(request: Request, response: Response, deps: Deps, asking: Asking) -> RunAccepted:
    """Tell people of alerts that Alertmanager posts: start `alert-notification`.

    At most 1,000 alerts and 1 MiB; `max_alerts` of the receiver keeps below it. What comes again within five
    minutes (the same group, status and alerts) answers the same run.
    """
    notification = await read_foreign(request, AlertmanagerNotification, MAX_WEBHOOK_BYTES)
    return show_started(response, await notify(deps.sessions, deps.runs, asking, notification))


@posts.post("/grafana", status_code=202, openapi_extra=takes(GrafanaNotification), responses=_ANSWERS)
async def post_grafana(request: Request, response: Response, deps: Deps, asking: Asking) -> RunAccepted:
    """Tell people of alerts that Grafana's alerting posts: start `alert-notification`.

    At most 1,000 alerts and 1 MiB. What comes again within five minutes (the same group, status and alerts)
    answers the same run.
    """
    notification = await read_foreign(request, GrafanaNotification, MAX_WEBHOOK_BYTES)
    return show_started(response, await notify(deps.sessions, deps.runs, asking, notification))
