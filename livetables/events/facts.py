"""Facts: the payload of each type of event, as a frozen dataclass with one constructor and one parser.

`details()` returns the payload as the event log has it, `parse` makes the fact of it again. The type of an event is
spelled here and nowhere else: other modules take it from the fact's `event_type`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, get_args

from livetables.errors import LivetablesError
from livetables.events.progress import DataQuality, FlowMetrics
from livetables.events.states import (
    DatasetType,
    FlowState,
    FlowType,
    HookState,
    Language,
    OperationState,
    OperationType,
    UpdateCause,
    UpdateState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class UserAction:
    """A user started an update."""

    event_type: ClassVar[str] = "user_action"
    action: str = "START"

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {"action": self.action}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> UserAction:
        """Return the fact that has these details."""
        return cls(details["action"])


@dataclass(frozen=True)
class CreateUpdate:
    """An update starts: why, with which settings, and what was selected."""

    event_type: ClassVar[str] = "create_update"
    cause: UpdateCause
    config: Mapping[str, Any] = field(default_factory=dict)
    full_refresh: bool = False
    refresh_selection: tuple[str, ...] = ()
    full_refresh_selection: tuple[str, ...] = ()
    reset_checkpoint_selection: tuple[str, ...] = ()

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {
            "cause": str(self.cause),
            "config": self.config,
            "full_refresh": self.full_refresh,
            "refresh_selection": list(self.refresh_selection),
            "full_refresh_selection": list(self.full_refresh_selection),
            "reset_checkpoint_selection": list(self.reset_checkpoint_selection),
        }

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> CreateUpdate:
        """Return the fact that has these details."""
        return cls(
            UpdateCause(details["cause"]),
            details["config"],
            details["full_refresh"],
            tuple(details["refresh_selection"]),
            tuple(details["full_refresh_selection"]),
            tuple(details["reset_checkpoint_selection"]),
        )


@dataclass(frozen=True)
class UpdateProgress:
    """An update has a new state."""

    event_type: ClassVar[str] = "update_progress"
    state: UpdateState

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {"state": str(self.state)}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> UpdateProgress:
        """Return the fact that has these details."""
        return cls(UpdateState(details["state"]))


@dataclass(frozen=True)
class RuleDefinition:
    """An expectation of a dataset: its predicate as SQL, and the name of what happens to rows that violate it."""

    name: str
    predicate: str
    action: str


@dataclass(frozen=True)
class DatasetDefinition:
    """The pipeline defines a dataset."""

    event_type: ClassVar[str] = "dataset_definition"
    dataset_type: DatasetType
    num_flows: int
    expectations: tuple[RuleDefinition, ...] = ()
    refresh_policy: str | None = None

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {
            "dataset_type": str(self.dataset_type),
            "num_flows": self.num_flows,
            "expectations": [asdict(rule) for rule in self.expectations],
            "refresh_policy": self.refresh_policy,
        }

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> DatasetDefinition:
        """Return the fact that has these details."""
        rules = tuple(RuleDefinition(one["name"], one["predicate"], one["action"]) for one in details["expectations"])
        return cls(DatasetType(details["dataset_type"]), details["num_flows"], rules, details.get("refresh_policy"))


@dataclass(frozen=True)
class FlowDefinition:
    """The pipeline defines a flow; `schema_json` is the schema of its query as Spark writes it."""

    event_type: ClassVar[str] = "flow_definition"
    output_dataset: str
    input_datasets: tuple[str, ...]
    flow_type: FlowType
    schema_json: str
    language: Language
    comment: str | None = None
    spark_conf: Mapping[str, str] = field(default_factory=dict)
    once: bool = False

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {
            "output_dataset": self.output_dataset,
            "input_datasets": list(self.input_datasets),
            "flow_type": str(self.flow_type),
            "schema_json": self.schema_json,
            "comment": self.comment,
            "spark_conf": dict(self.spark_conf),
            "language": str(self.language),
            "once": self.once,
        }

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> FlowDefinition:
        """Return the fact that has these details."""
        return cls(
            details["output_dataset"],
            tuple(details["input_datasets"]),
            FlowType(details["flow_type"]),
            details["schema_json"],
            Language(details["language"]),
            details["comment"],
            details["spark_conf"],
            details["once"],
        )


@dataclass(frozen=True)
class FlowProgress:
    """A flow has a new state, or has ended a batch: then with metrics, and with the counts of its expectations."""

    event_type: ClassVar[str] = "flow_progress"
    status: FlowState
    metrics: FlowMetrics | None = None
    data_quality: DataQuality | None = None

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        found: dict[str, Any] = {"status": str(self.status)}
        if self.metrics is not None:
            found["metrics"] = self.metrics.details()
        if self.data_quality is not None:
            found["data_quality"] = self.data_quality.details()
        return found

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> FlowProgress:
        """Return the fact that has these details."""
        metrics, quality = details.get("metrics"), details.get("data_quality")
        return cls(
            FlowState(details["status"]),
            None if metrics is None else FlowMetrics.parse(metrics),
            None if quality is None else DataQuality.parse(quality),
        )


@dataclass(frozen=True)
class OperationProgress:
    """A table was altered or dropped before the flows start."""

    event_type: ClassVar[str] = "operation_progress"
    type: OperationType
    status: OperationState = OperationState.COMPLETED

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {"type": str(self.type), "status": str(self.status)}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> OperationProgress:
        """Return the fact that has these details."""
        return cls(OperationType(details["type"]), OperationState(details["status"]))


@dataclass(frozen=True)
class HookProgress:
    """An event hook has failed; after too many failures in a row it is disabled."""

    event_type: ClassVar[str] = "hook_progress"
    name: str
    status: HookState

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {"name": self.name, "status": str(self.status)}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> HookProgress:
        """Return the fact that has these details."""
        return cls(details["name"], HookState(details["status"]))


@dataclass(frozen=True)
class Deprecation:
    """A warning about the pipeline or its settings; `code` is that of the diagnostic."""

    event_type: ClassVar[str] = "deprecation"
    code: str

    def details(self) -> dict[str, Any]:
        """Return the payload as the log has it."""
        return {"code": self.code}

    @classmethod
    def parse(cls, details: Mapping[str, Any]) -> Deprecation:
        """Return the fact that has these details."""
        return cls(details["code"])


Fact: TypeAlias = (
    UserAction
    | CreateUpdate
    | UpdateProgress
    | DatasetDefinition
    | FlowDefinition
    | FlowProgress
    | OperationProgress
    | HookProgress
    | Deprecation
)

#: The class of each event type.
EVENT_TYPES: dict[str, type[Fact]] = {kind.event_type: kind for kind in get_args(Fact)}


def parse_fact(event_type: str, details: Mapping[str, Any]) -> Fact:
    """Return the fact of an event; raises LivetablesError for a type or payload that this version does not know."""
    try:
        return EVENT_TYPES[event_type].parse(details)
    except (KeyError, TypeError, ValueError) as error:
        message = f"An event of type '{event_type}' can't be read: {type(error).__name__}: {error}."
        hint = "Another version of livetables may have written it: read `Event.details` instead of `Event.fact`."
        raise LivetablesError("EVENT_UNREADABLE", message, hint=hint) from error
