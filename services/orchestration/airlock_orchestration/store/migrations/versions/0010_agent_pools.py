"""Which pools agents name is known without reading a manifest.

Revision: 0010
After: 0009
"""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_agents_pool", "agents", [text("(manifest ->> 'pool')")])


def downgrade() -> None:
    op.drop_index("ix_agents_pool", table_name="agents")
