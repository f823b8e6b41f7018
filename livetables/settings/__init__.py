"""The settings of a pipeline: settings files of all kinds, and `livetables.yml` with choices for this machine."""

from livetables.settings.durations import parse_duration, seconds
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
    "parse_duration",
    "seconds",
    "shown",
    "text_of",
    "with_mode",
]
