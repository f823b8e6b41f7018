-- Silver: typed and checked readings, and the rows that did not pass. sensor_data_silver stands in deduplicated.py.

CREATE OR REFRESH STREAMING TABLE parsed_sensor_data
COMMENT 'Every event of bronze, its JSON parsed once; what could not be parsed is marked, not lost.'
TBLPROPERTIES ('quality' = 'silver')
AS SELECT
  reading.device_id,
  reading.temperature,
  reading.humidity,
  -- RFC 3339; the offset may be missing (UTC). Missing, it is the record's own time; present but unparsable, NULL.
  CASE
    WHEN reading.event_time IS NULL THEN source_time
    ELSE try_to_timestamp(CASE
      -- The usual form first: a regular expression costs 0.7 us a row. A T there rules out a time or date alone.
      WHEN endswith(reading.event_time, 'Z') AND substring(reading.event_time, 11, 1) = 'T' THEN reading.event_time
      WHEN reading.event_time RLIKE r'^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$'
        THEN reading.event_time
      WHEN reading.event_time RLIKE r'^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?$'
        THEN concat(reading.event_time, 'Z')
    END)
  END AS event_time,
  reading.event_time AS event_time_text,
  -- from_json gives NULL for blank text, and reads only the first object of a value.
  coalesce(
    reading.malformed_value,
    CASE
      WHEN reading IS NULL OR NOT (endswith(value, '}') OR value RLIKE r'\}\s+$') OR contains(value, '}{') THEN value
    END
  ) AS malformed_value,
  value,
  source,
  source_name,
  source_partition,
  source_offset,
  source_time,
  ingest_time
FROM (
  SELECT *, from_json(
    value,
    'device_id STRING, temperature DOUBLE, humidity DOUBLE, event_time STRING, malformed_value STRING',
    map(
      'mode', 'PERMISSIVE', 'columnNameOfCorruptRecord', 'malformed_value',
      -- The defaults accept {'a': 1} and NaN, which are not JSON.
      'allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false'
    )
  ) AS reading
  FROM STREAM(sensor_data_bronze)
);

-- Each rule is said once, for the view that drops rows and for the table that keeps them. The ranges are plausibility
-- limits for outdoor air. One clock that is years ahead would make every later reading too late.
SET readings.well_formed = value IS NOT NULL AND malformed_value IS NULL;
SET readings.has_device_id = trim(device_id) <> '';
SET readings.has_event_time = event_time IS NOT NULL;
SET readings.not_from_future = coalesce(event_time <= ingest_time + INTERVAL 1 DAY, true);
SET readings.temperature_in_range = temperature BETWEEN -50 AND 60;
SET readings.humidity_in_range = humidity BETWEEN 0 AND 100;

-- The rules stand on a view between parsed and silver: on silver itself, they would see its rows after deduplication.
-- A LIVE view: of views, these have taken constraints from the first release on.
CREATE TEMPORARY STREAMING LIVE VIEW valid_sensor_readings (
  CONSTRAINT well_formed EXPECT (${readings.well_formed}) ON VIOLATION DROP ROW,
  CONSTRAINT has_device_id EXPECT (${readings.has_device_id}) ON VIOLATION DROP ROW,
  CONSTRAINT has_event_time EXPECT (${readings.has_event_time}) ON VIOLATION DROP ROW,
  CONSTRAINT not_from_future EXPECT (${readings.not_from_future}) ON VIOLATION DROP ROW,
  CONSTRAINT temperature_in_range EXPECT (${readings.temperature_in_range}) ON VIOLATION DROP ROW,
  CONSTRAINT humidity_in_range EXPECT (${readings.humidity_in_range}) ON VIOLATION DROP ROW
)
COMMENT 'Parsed readings that keep every reading rule.'
AS SELECT * FROM STREAM(parsed_sensor_data);

CREATE OR REFRESH STREAMING TABLE sensor_data_quarantine
COMMENT "Events that break a reading rule, with the rules' names and the position in the source."
TBLPROPERTIES ('quality' = 'silver')
AS SELECT * FROM (
  SELECT
    value,
    -- A rule that is NULL is broken, as for CONSTRAINT.
    array_compact(array(
      CASE WHEN NOT coalesce(${readings.well_formed}, false) THEN 'well_formed' END,
      CASE WHEN NOT coalesce(${readings.has_device_id}, false) THEN 'has_device_id' END,
      CASE WHEN NOT coalesce(${readings.has_event_time}, false) THEN 'has_event_time' END,
      CASE WHEN NOT coalesce(${readings.not_from_future}, false) THEN 'not_from_future' END,
      CASE WHEN NOT coalesce(${readings.temperature_in_range}, false) THEN 'temperature_in_range' END,
      CASE WHEN NOT coalesce(${readings.humidity_in_range}, false) THEN 'humidity_in_range' END
    )) AS broken_rules,
    source,
    source_name,
    source_partition,
    source_offset,
    source_time,
    ingest_time
  FROM STREAM(parsed_sensor_data)
)
WHERE size(broken_rules) > 0;
