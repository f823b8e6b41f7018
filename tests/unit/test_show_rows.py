"""Rows as text and as JSON."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal

from pyspark.sql.types import ArrayType, StringType

from livetables.show.rows import to_json


def test_values_become_json():
    """As whoever reads `--json` expects them: times in UTC, nothing as Python writes it."""
    values = [
        datetime(2026, 1, 2, tzinfo=timezone.utc),
        date(2026, 1, 2),
        b"a",
        Decimal("1.50"),
        ArrayType(StringType()),
    ]
    assert json.loads(to_json(values)) == ["2026-01-02T00:00:00Z", "2026-01-02", "YQ==", "1.50", "array<string>"]
