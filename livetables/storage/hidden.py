"""The hidden table behind a target of AUTO CDC: its name, and the columns that the target's users do not see."""

from __future__ import annotations

#: How the name of a hidden table starts; the platform's own prefix.
HIDDEN = "__apply_changes_storage_"
#: The column that is true for the rows which the target's users see.
VISIBLE = "__visible"
#: What later events may need; the platform's own names begin with two underscores too.
SEQUENCE, UPSERTED, DELETED = "__sequence", "__upserted", "__deleted"
TOUCHED, EVENT, TRUNCATION = "__touched", "__event", "__truncation"
OPEN, LAST = "__open", "__last"
#: All columns of a hidden table that its target does not have.
HIDDEN_COLUMNS = frozenset({VISIBLE, SEQUENCE, UPSERTED, DELETED, TOUCHED, EVENT, TRUNCATION, OPEN, LAST})
