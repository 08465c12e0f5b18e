"""What an agent author imports inside the sandbox: standard library only.

agent = Agent()

@agent.action("greet")
def greet(inputs: dict[str, str], ctx: Context) -> dict[str, str]:
    return {"greeting": f"Hello, {inputs['name']}"}

agent.run()
"""

from airlock_sdk.agent import SDK_VERSION as __version__
from airlock_sdk.agent import Agent
from airlock_sdk.artifact import ArtifactReference
from airlock_sdk.bounds import Bounds
from airlock_sdk.context import Context
from airlock_sdk.failure import Failure, ProtocolError, WorkspaceError
from airlock_sdk.span import Span

__all__ = [
    "Agent",
    "ArtifactReference",
    "Bounds",
    "Context",
    "Failure",
    "ProtocolError",
    "Span",
    "WorkspaceError",
    "__version__",
]
