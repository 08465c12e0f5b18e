"""What agents say while they work.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agent_logs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fields", JSONB(), nullable=True),
        sa.Column("fraction", sa.Double(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.CheckConstraint("line >= 1", name=op.f("ck_agent_logs_line")),
        sa.CheckConstraint(
            "level IN ('debug', 'info', 'warning', 'error')", name=op.f("ck_agent_logs_level")
        ),
        sa.CheckConstraint(
            "stream IN ('log', 'progress', 'stderr', 'airlock')", name=op.f("ck_agent_logs_stream")
        ),
        sa.PrimaryKeyConstraint("run_id", "id", name=op.f("pk_agent_logs")),
    )
    op.create_index("uq_agent_logs_line", "agent_logs", ["run_id", "node", "attempt", "line"], unique=True)


def downgrade() -> None:
    op.drop_table("agent_logs")
