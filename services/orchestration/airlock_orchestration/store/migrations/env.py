"""Alembic runs this; `migrate.py` has opened the connection and taken the lock."""

from airlock_orchestration.store import tables
from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.METADATA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
