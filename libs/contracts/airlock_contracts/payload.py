"""What an approval covers, as one hash. Host and orchestration compute it apart and compare."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Payload:
    """Everything that a decision binds."""

    project: str
    run: str
    node: str
    agent_content_sha256: str
    action: str
    input_sha256: str
    preview_sha256: str
    """Digest of the rendered preview's UTF-8 bytes; of no bytes where there is none."""

    @property
    def sha256(self) -> str:
        """The `payload_sha256`: a digest over the fields, one per line, under a version line."""
        return sha256_hex(self._text().encode())

    def _text(self) -> str:
        lines = (
            "airlock-payload-v1",
            self.project,
            self.run,
            self.node,
            self.agent_content_sha256,
            self.action,
            self.input_sha256,
            self.preview_sha256,
        )
        return "\n".join(lines)


def sha256_hex(data: bytes) -> str:
    """The sha256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
