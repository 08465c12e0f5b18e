"""How far a host's clock is from Postgres': for people who look for trouble, nothing is decided by it.

Revision: 0007
After: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hosts", sa.Column("clock_ahead", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("hosts", "clock_ahead")
