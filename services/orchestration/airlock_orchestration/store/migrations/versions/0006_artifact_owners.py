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

_BY_KEYS = """
INSERT INTO artifact_owners (project, sha256, at)
SELECT keys.project, sha256, min(artifacts.created_at)
FROM artifact_puts JOIN artifacts USING (sha256) JOIN keys ON keys.name = put_by
GROUP BY 1, 2
"""
_BY_ATTEMPTS = """
INSERT INTO artifact_owners (project, sha256, at)
SELECT runs.project, sha256, min(artifacts.created_at)
FROM artifact_puts JOIN artifacts USING (sha256) JOIN runs ON runs.id::text = split_part(put_by, '/', 1)
GROUP BY 1, 2
ON CONFLICT DO NOTHING
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
    op.execute(_BY_KEYS)
    op.execute(_BY_ATTEMPTS)
    op.create_index(
        "ix_artifact_owners_page", "artifact_owners", ["project", sa.text("at DESC"), sa.text("sha256 DESC")]
    )
    op.drop_index("ix_artifacts_page", table_name="artifacts")


def downgrade() -> None:
    op.create_index("ix_artifacts_page", "artifacts", [sa.text("created_at DESC"), sa.text("sha256 DESC")])
    op.drop_table("artifact_owners")
