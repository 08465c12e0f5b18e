"""The first tables.

Revision: 0001
After: None
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_HOT = {"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.0", "autovacuum_vacuum_threshold": "5000"}


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("version_key", sa.Text(collation="C"), nullable=False),
        sa.Column("manifest", JSONB(), nullable=False),
        sa.Column("image_digest", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("effects", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("effects IN ('none', 'external')", name=op.f("ck_agents_effects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("project", "name", "version", name=op.f("uq_agents_project_name_version")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=True),
        sa.Column("on_expiry", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.CheckConstraint("on_expiry IN ('reject', 'skip')", name=op.f("ck_approvals_on_expiry")),
        sa.CheckConstraint(
            "status IN ('PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'WITHDRAWN')",
            name=op.f("ck_approvals_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        postgresql_with=_HOT,
    )
    op.create_index(
        "ix_approvals_expiry", "approvals", ["expires_at"], postgresql_where=sa.text("status = 'PENDING'")
    )
    op.create_index(
        "ix_approvals_page",
        "approvals",
        ["project", "status", sa.text("requested_at DESC"), sa.text("id DESC")],
    )
    op.create_index("ix_approvals_run", "approvals", ["run_id"])
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_artifacts_size")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("redispatch_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", JSONB(), nullable=True),
        sa.Column("raw_output", sa.LargeBinary(), nullable=True),
        sa.Column("stderr_tail", sa.Text(), nullable=True),
        sa.Column("usage", JSONB(), nullable=True),
        sa.CheckConstraint(
            "status IN ('DISPATCHED', 'RUNNING', 'SUCCESS', 'FAILED', 'LOST', 'CANCELLED')",
            name=op.f("ck_attempts_status"),
        ),
        sa.PrimaryKeyConstraint("run_id", "node", "number", name=op.f("pk_attempts")),
        postgresql_with=_HOT,
    )
    op.create_index(
        "ix_attempts_deadline", "attempts", ["deadline"], postgresql_where=sa.text("status = 'RUNNING'")
    )
    op.create_index(
        "ix_attempts_lease", "attempts", ["lease_until"], postgresql_where=sa.text("status = 'RUNNING'")
    )
    op.create_index(
        "ix_attempts_redispatch",
        "attempts",
        ["redispatch_at"],
        postgresql_where=sa.text("status = 'DISPATCHED'"),
    )
    op.create_table(
        "events",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=True),
        sa.Column("data", JSONB(), nullable=False),
        sa.Column("v", sa.Integer(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_events_seq")),
        sa.PrimaryKeyConstraint("run_id", "seq", name=op.f("pk_events")),
    )
    op.create_table(
        "hosts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("busy", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("missing_images", JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_hosts")),
        postgresql_with=_HOT,
    )
    op.create_table(
        "inputs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("input", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "node", name=op.f("pk_inputs")),
    )
    op.create_table(
        "install",
        sa.Column("single", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("single", name=op.f("ck_install_single")),
        sa.PrimaryKeyConstraint("single", name=op.f("pk_install")),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('admin', 'host')", name=op.f("ck_keys_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
    )
    op.create_table(
        "nodes",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("open_parents", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval", sa.Uuid(), nullable=True),
        sa.Column("input_sha256", sa.Text(), nullable=True),
        sa.Column("preview_sha256", sa.Text(), nullable=True),
        sa.Column("output_sha256", sa.Text(), nullable=True),
        sa.Column("failure", JSONB(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reused_from", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "status IN ('PENDING', 'QUEUED', 'RUNNING', 'BACKING_OFF', 'WAITING_APPROVAL', "
            "'SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')",
            name=op.f("ck_nodes_status"),
        ),
        sa.PrimaryKeyConstraint("run_id", "node", name=op.f("pk_nodes")),
        postgresql_with=_HOT,
    )
    op.create_index(
        "ix_nodes_open",
        "nodes",
        ["run_id"],
        postgresql_where=sa.text("status NOT IN ('SUCCESS', 'FAILED', 'SKIPPED', 'CANCELLED')"),
    )
    op.create_index(
        "ix_nodes_retry", "nodes", ["retry_at"], postgresql_where=sa.text("status = 'BACKING_OFF'")
    )
    op.create_table(
        "outputs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("output", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "node", name=op.f("pk_outputs")),
    )
    op.create_table(
        "workflows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_workflows_project_name")),
    )
    op.create_table(
        "artifact_chunks",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("chunk", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["artifacts.sha256"], name=op.f("fk_artifact_chunks_sha256"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", "position", name=op.f("pk_artifact_chunks")),
    )
    op.create_table(
        "artifact_puts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("put_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sha256"], ["artifacts.sha256"], name=op.f("fk_artifact_puts_sha256"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", "put_by", name=op.f("pk_artifact_puts")),
    )
    op.create_table(
        "artifact_uses",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.CheckConstraint("direction IN ('input', 'output')", name=op.f("ck_artifact_uses_direction")),
        sa.ForeignKeyConstraint(["sha256"], ["artifacts.sha256"], name=op.f("fk_artifact_uses_sha256")),
        sa.PrimaryKeyConstraint("run_id", "node", "sha256", "direction", name=op.f("pk_artifact_uses")),
    )
    op.create_index("ix_artifact_uses_sha256", "artifact_uses", ["sha256"])
    op.create_table(
        "workflow_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("spec", JSONB(), nullable=False),
        sa.Column("spec_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_workflow_versions_number")),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_workflow_versions_workflow_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_versions")),
        sa.UniqueConstraint("workflow_id", "number", name=op.f("uq_workflow_versions_workflow_id_number")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_version_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("context", sa.LargeBinary(), nullable=False),
        sa.Column("context_sha256", sa.Text(), nullable=False),
        sa.Column("agents", JSONB(), nullable=False),
        sa.Column("failure", JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("trigger_key", sa.Text(), nullable=True),
        sa.Column("trigger_fingerprint", sa.Text(), nullable=True),
        sa.Column("trigger_kind", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (status IN ('SUCCESS', 'FAILED', 'CANCELLED'))",
            name=op.f("ck_runs_finished"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL', 'CANCELLING', "
            "'SUCCESS', 'FAILED', 'CANCELLED')",
            name=op.f("ck_runs_status"),
        ),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name=op.f("fk_runs_workflow_id")),
        sa.ForeignKeyConstraint(
            ["workflow_version_id"], ["workflow_versions.id"], name=op.f("fk_runs_workflow_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        postgresql_with=_HOT,
    )
    op.create_index("ix_runs_open", "runs", ["id"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_index("ix_runs_page", "runs", ["project", sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_index(
        "ix_runs_page_status", "runs", ["project", "status", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_index(
        "ix_runs_page_workflow", "runs", ["workflow_id", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_index(
        "uq_runs_trigger",
        "runs",
        ["project", "workflow_id", "trigger_key"],
        unique=True,
        postgresql_where=sa.text("trigger_key IS NOT NULL"),
    )


def downgrade() -> None:
    for table in (
        "runs",
        "workflow_versions",
        "artifact_uses",
        "artifact_puts",
        "artifact_chunks",
        "workflows",
        "outputs",
        "nodes",
        "keys",
        "install",
        "inputs",
        "hosts",
        "events",
        "attempts",
        "artifacts",
        "approvals",
        "agents",
    ):
        op.drop_table(table)
