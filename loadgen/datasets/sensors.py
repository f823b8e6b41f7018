"""The physical model: what a device measures at a moment. Everything is a pure function of seed and time."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sin
from random import Random
from statistics import NormalDist

# Chosen so that of the devices' minutes near midday about a quarter is above 30 deg C, and none at night.
BASE = NormalDist(21.0, 3.5)  # deg C, daily means over the fleet
SWING = (6.5, 8.5)  # deg C, half the difference between the warmest and the coldest hour
TEMPERATURE_RANGE = (-20.0, 55.0)  # deg C
HUMIDITY_RANGE = (5.0, 95.0)  # % relative humidity

DAY = 2 * pi / 86_400  # radians per second
SUNRISE = 9 * 3600 * DAY  # the sine starts to rise at 09:00 UTC, so it peaks at 15:00
GUST = 2 * pi / (11 * 60)  # radians per second


@dataclass(frozen=True, slots=True)
class Device:
    """One simulated sensor; its fields are the parameters of its curves."""

    device_id: str
    base: float  # deg C, mean of a day
    swing: float  # deg C
    drift: float  # radians per second: slow weather, a wave of 40 to 80 minutes
    phase: float  # radians: devices do not move in step
    dryness: float  # % relative humidity, taken off at any temperature


def fleet(count: int, seed: int) -> tuple[Device, ...]:
    """Return `count` devices, device-0001 on; the same for the same count and seed.

    The base temperatures are evenly spaced quantiles in random order: ten devices, too, cover warm and cold.
    """
    rng = Random(f"devices-{seed}")
    bases = [BASE.inv_cdf((rank + 0.5) / count) for rank in range(count)]
    rng.shuffle(bases)
    return tuple(
        Device(
            device_id=f"device-{number:04d}",
            base=base,
            swing=rng.uniform(*SWING),
            drift=2 * pi / rng.uniform(40 * 60, 80 * 60),
            phase=rng.uniform(0, 2 * pi),
            dryness=rng.uniform(0, 16),
        )
        for number, base in enumerate(bases, start=1)
    )


def reading(device: Device, seconds: float, noise: float) -> tuple[float, float]:
    """Return (temperature in deg C, relative humidity in %) of a device.

    Args:
        device: the sensor.
        seconds: time since 1970-01-01 UTC.
        noise: measurement noise, 0 up to 1; 0.5 is none.
    """
    temperature = (
        device.base
        + device.swing * sin(DAY * seconds - SUNRISE)
        + 0.8 * sin(device.drift * seconds + device.phase)
        + 0.2 * sin(GUST * seconds + 5 * device.phase)
        + 0.2 * (noise - 0.5)
    )
    humidity = 103.0 - device.dryness - 1.8 * temperature
    return _within(temperature, TEMPERATURE_RANGE), _within(humidity, HUMIDITY_RANGE)


def _within(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return low if value < low else min(value, high)
