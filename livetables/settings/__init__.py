"""Pipeline settings in all their dialects, and the choices that only matter here (`livetables.yml`)."""

from livetables.settings.durations import seconds
from livetables.settings.load import load_settings, with_mode
from livetables.settings.model import (
    DEFAULT_FILE,
    DROP_INACTIVE,
    INTERVAL,
    LOCAL_FILE,
    RETRIES,
    UPDATE_RETRIES,
    Settings,
)
from livetables.settings.paths import map_path, shown
from livetables.settings.reading import text_of
from livetables.settings.secrets import SecretStore

__all__ = [
    "DEFAULT_FILE",
    "DROP_INACTIVE",
    "INTERVAL",
    "LOCAL_FILE",
    "RETRIES",
    "UPDATE_RETRIES",
    "SecretStore",
    "Settings",
    "load_settings",
    "map_path",
    "seconds",
    "shown",
    "text_of",
    "with_mode",
]
