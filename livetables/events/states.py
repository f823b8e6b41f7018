"""The words of the event log: states, levels, types, causes; no other file spells them."""

from __future__ import annotations

from enum import Enum


class _Word(str, Enum):
    """A word of the event log: an enum member that equals its text, also in JSON, f-strings and as a key."""

    __hash__ = str.__hash__

    def __str__(self) -> str:
        return str(self.value)

    def __repr__(self) -> str:
        return repr(self.value)


class Level(_Word):
    """How serious an event is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class UpdateState(_Word):
    """The state of an update."""

    CREATED = "CREATED"
    WAITING_FOR_RESOURCES = "WAITING_FOR_RESOURCES"
    INITIALIZING = "INITIALIZING"
    SETTING_UP_TABLES = "SETTING_UP_TABLES"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def final(self) -> bool:
        """Whether the update has ended."""
        return self in (UpdateState.COMPLETED, UpdateState.FAILED, UpdateState.CANCELED)


class FlowState(_Word):
    """The state of a flow within an update."""

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    STOPPED = "STOPPED"
    EXCLUDED = "EXCLUDED"

    @property
    def final(self) -> bool:
        """Whether the flow has ended in this update; a recomputation in continuous mode may still run again."""
        return self not in (FlowState.QUEUED, FlowState.STARTING, FlowState.RUNNING)


class UpdateCause(_Word):
    """Why an update was started."""

    USER_ACTION = "USER_ACTION"
    RETRY_ON_FAILURE = "RETRY_ON_FAILURE"
    SCHEMA_CHANGE = "SCHEMA_CHANGE"


class DatasetType(_Word):
    """What kind of dataset an update defines."""

    STREAMING_TABLE = "STREAMING_TABLE"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    VIEW = "VIEW"
    SINK = "SINK"

    @property
    def stored(self) -> bool:
        """Whether the dataset is a table in the storage folder."""
        return self not in (DatasetType.VIEW, DatasetType.SINK)


class FlowType(_Word):
    """How a flow writes its dataset."""

    APPEND = "APPEND"
    COMPLETE = "COMPLETE"
    CHANGE = "CHANGE"
    SNAPSHOT_CHANGE = "SNAPSHOT_CHANGE"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    VIEW = "VIEW"


class Language(_Word):
    """The language in which a flow is defined."""

    PYTHON = "PYTHON"
    SQL = "SQL"


class OperationType(_Word):
    """A change of a table that is no flow's work."""

    ALTER_TABLE = "ALTER_TABLE"
    DROP_TABLE = "DROP_TABLE"


class OperationState(_Word):
    """The state of such a change."""

    COMPLETED = "COMPLETED"


class HookState(_Word):
    """What became of an event hook that raised an error."""

    FAILED = "FAILED"
    DISABLED = "DISABLED"
