"""Who follows one node of a run does not read the lines of all others.

Revision: 0005
After: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_agent_logs_node", "agent_logs", ["run_id", "node", "id"])


def downgrade() -> None:
    op.drop_index("ix_agent_logs_node", table_name="agent_logs")
