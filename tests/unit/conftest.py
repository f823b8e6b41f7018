"""What several files of unit tests share."""

import pytest

from tests.unit.trees import Watch


@pytest.fixture
def root(tmp_path):
    """An empty load path."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def watch(root, monkeypatch):
    """A watch of the load path."""
    watch = Watch(root, monkeypatch)
    yield watch
    watch.ledger.close()
