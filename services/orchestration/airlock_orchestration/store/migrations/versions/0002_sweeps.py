"""When a replica last swept, for all replicas; and no table that nothing reads.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("single", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_sweeps_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_sweeps")),
    )
    op.drop_table("install")


def downgrade() -> None:
    op.create_table(
        "install",
        sa.Column("single", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_install_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_install")),
    )
    op.drop_table("sweeps")
