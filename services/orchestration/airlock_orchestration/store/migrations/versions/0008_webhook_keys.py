"""Keys for those who may post webhooks, and nothing else.

Revision: 0008
After: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'admin', 'host', 'webhook'")


def downgrade() -> None:
    # The release before does not know what they may do.
    op.execute("DELETE FROM keys WHERE role = 'webhook'")
    _allow("'admin', 'host'")


def _allow(roles: str) -> None:
    op.drop_constraint(op.f("ck_keys_role"), "keys", type_="check")
    op.create_check_constraint(op.f("ck_keys_role"), "keys", f"role IN ({roles})")
