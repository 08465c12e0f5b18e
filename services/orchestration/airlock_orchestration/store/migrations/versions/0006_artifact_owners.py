"""Which project has which artifacts, so that a list shows each project its own.

Until now a put named its principal only. What a key put is given to the projects of the keys of that name,
what an attempt put to its run's.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_KNOWN = """
INSERT INTO artifact_owners (project, sha256, at)
SELECT owners.project, puts.sha256, min(artifacts.created_at)
FROM artifact_puts AS puts JOIN artifacts USING (sha256), LATERAL (
    SELECT project FROM keys WHERE name = puts.put_by
    UNION SELECT project FROM runs WHERE runs.id::text = split_part(puts.put_by, '/', 1)
) AS owners
GROUP BY 1, 2
"""


def upgrade() -> None:
    op.create_table(
        "artifact_owners",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["artifacts.sha256"], name=op.f("fk_artifact_owners_sha256"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project", "sha256", name=op.f("pk_artifact_owners")),
    )
    op.execute(_KNOWN)
    op.create_index(
        "ix_artifact_owners_page", "artifact_owners", ["project", sa.text("at DESC"), sa.text("sha256 DESC")]
    )
    op.drop_index("ix_artifacts_page", table_name="artifacts")


def downgrade() -> None:
    op.create_index("ix_artifacts_page", "artifacts", [sa.text("created_at DESC"), sa.text("sha256 DESC")])
    op.drop_table("artifact_owners")
