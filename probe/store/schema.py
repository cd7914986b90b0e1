"""Tables. SQLAlchemy Core, so that a laboratory may use PostgreSQL by naming its URL."""

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, MetaData, Table, Text

VERSION = 1
"""Raised when an older program could misread what a newer one wrote."""

metadata = MetaData()

about = Table(
    "about",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("interface", Text, nullable=False),
    Column("plan", Text, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("run", Text, ForeignKey("run.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

evidence = Table(
    "evidence",
    metadata,
    Column("run", Text, ForeignKey("run.id"), primary_key=True),
    Column("sha256", Text, ForeignKey("blob.sha256"), primary_key=True),
    Column("label", Text, nullable=False),
)

command = Table(
    "command",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run", Text, ForeignKey("run.id"), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("verb", Text, nullable=False),
)
