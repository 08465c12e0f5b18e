"""Artifacts are listed, those put last first.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_artifacts_page", "artifacts", [sa.text("created_at DESC"), sa.text("sha256 DESC")])


def downgrade() -> None:
    op.drop_index("ix_artifacts_page", table_name="artifacts")
