"""Rules of the sensor pipeline: name -> SQL predicate that is TRUE for a good row (NULL counts as broken).

The ranges are plausibility limits for outdoor air.
"""

# Over the columns of transformations.sensors.parse_readings. NaN sorts above every number: out of range.
READING_RULES = {
    "well_formed": "value IS NOT NULL AND malformed_value IS NULL",
    "has_device_id": "trim(device_id) <> ''",
    "has_event_time": "event_time IS NOT NULL",
    # One clock that is years ahead would move the watermark, and make every later reading too late.
    "not_from_future": "coalesce(event_time <= ingest_time + INTERVAL 1 DAY, true)",
    "temperature_in_range": "temperature BETWEEN -50 AND 60",  # deg C
    "humidity_in_range": "humidity BETWEEN 0 AND 100",  # % relative humidity
}

# Over the columns of transformations.sensors.aggregate_by_minute. Warn only: a break is a defect of ours, not
# of the data. The tolerance is for the rounding of a mean of doubles.
AGGREGATE_RULES = {
    "has_readings": "reading_count > 0",
    "avg_temperature_within_min_max": ("avg_temperature BETWEEN min_temperature - 1e-6 AND max_temperature + 1e-6"),
    "avg_humidity_within_min_max": "avg_humidity BETWEEN min_humidity - 1e-6 AND max_humidity + 1e-6",
}
