-- The device registry: its changes as they were sent, the devices as they are now, and as they were.
-- Devices change seldom: readings must not wait for the merges of a few changes, hence the intervals.

CREATE OR REFRESH STREAMING TABLE device_changes_bronze
COMMENT 'Changes of the device registry as they were sent, with the file that they came in; append only.'
TBLPROPERTIES ('quality' = 'bronze', 'pipelines.trigger.interval' = '30 seconds')
AS SELECT
  value,
  CAST(NULL AS STRING) AS key,
  'auto_loader' AS source,
  _metadata.file_path AS source_name,
  CAST(NULL AS INT) AS source_partition,
  CAST(NULL AS BIGINT) AS source_offset,
  _metadata.file_modification_time AS source_time,
  current_timestamp() AS ingest_time
FROM STREAM read_files('${sensors.devices.landing_path}', format => 'text', schema => 'value STRING');

-- A view, unlike parsed_sensor_data: changes are few, so that parsing them in each flow costs less than a table.
CREATE TEMPORARY VIEW parsed_device_changes
COMMENT "Every change of bronze, its JSON parsed; what can't be is marked."
AS SELECT
  change.device_id,
  change.site,
  change.model,
  -- RFC 3339; the offset may be missing (UTC). Missing or unparsable, it is NULL.
  try_to_timestamp(CASE
    WHEN endswith(change.installed_at, 'Z') AND substring(change.installed_at, 11, 1) = 'T' THEN change.installed_at
    WHEN change.installed_at RLIKE r'^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$'
      THEN change.installed_at
    WHEN change.installed_at RLIKE r'^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?$'
      THEN concat(change.installed_at, 'Z')
  END) AS installed_at,
  change.operation,
  change.sequence,
  coalesce(
    change.malformed_value,
    CASE
      WHEN change IS NULL OR NOT (endswith(value, '}') OR value RLIKE r'\}\s+$') OR contains(value, '}{') THEN value
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
    'device_id STRING, site STRING, model STRING, installed_at STRING, operation STRING, sequence BIGINT,
     malformed_value STRING',
    map(
      'mode', 'PERMISSIVE', 'columnNameOfCorruptRecord', 'malformed_value',
      'allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false'
    )
  ) AS change
  FROM STREAM(device_changes_bronze)
);

-- The rules, as in silver.sql. A DELETE names its device; the rest may be missing. AUTO CDC fails on a change without
-- a place in the order.
SET changes.well_formed = value IS NOT NULL AND malformed_value IS NULL;
SET changes.has_device_id = trim(device_id) <> '';
SET changes.known_operation = operation IN ('INSERT', 'UPDATE', 'DELETE');
SET changes.has_sequence = sequence IS NOT NULL;
SET changes.has_site = operation = 'DELETE' OR trim(site) <> '';
SET changes.has_model = operation = 'DELETE' OR trim(model) <> '';
SET changes.has_installed_at = operation = 'DELETE' OR installed_at IS NOT NULL;

CREATE TEMPORARY STREAMING LIVE VIEW valid_device_changes (
  CONSTRAINT well_formed EXPECT (${changes.well_formed}) ON VIOLATION DROP ROW,
  CONSTRAINT has_device_id EXPECT (${changes.has_device_id}) ON VIOLATION DROP ROW,
  CONSTRAINT known_operation EXPECT (${changes.known_operation}) ON VIOLATION DROP ROW,
  CONSTRAINT has_sequence EXPECT (${changes.has_sequence}) ON VIOLATION DROP ROW,
  CONSTRAINT has_site EXPECT (${changes.has_site}) ON VIOLATION DROP ROW,
  CONSTRAINT has_model EXPECT (${changes.has_model}) ON VIOLATION DROP ROW,
  CONSTRAINT has_installed_at EXPECT (${changes.has_installed_at}) ON VIOLATION DROP ROW
)
COMMENT 'Parsed changes that keep every rule.'
AS SELECT * FROM STREAM(parsed_device_changes);

CREATE OR REFRESH STREAMING TABLE device_changes_quarantine
COMMENT "Changes that do not parse or break a rule, with the rules' names and the position in the source."
TBLPROPERTIES ('quality' = 'silver', 'pipelines.trigger.interval' = '30 seconds')
AS SELECT * FROM (
  SELECT
    value,
    array_compact(array(
      CASE WHEN NOT coalesce(${changes.well_formed}, false) THEN 'well_formed' END,
      CASE WHEN NOT coalesce(${changes.has_device_id}, false) THEN 'has_device_id' END,
      CASE WHEN NOT coalesce(${changes.known_operation}, false) THEN 'known_operation' END,
      CASE WHEN NOT coalesce(${changes.has_sequence}, false) THEN 'has_sequence' END,
      CASE WHEN NOT coalesce(${changes.has_site}, false) THEN 'has_site' END,
      CASE WHEN NOT coalesce(${changes.has_model}, false) THEN 'has_model' END,
      CASE WHEN NOT coalesce(${changes.has_installed_at}, false) THEN 'has_installed_at' END
    )) AS broken_rules,
    source,
    source_name,
    source_partition,
    source_offset,
    source_time,
    ingest_time
  FROM STREAM(parsed_device_changes)
)
WHERE size(broken_rules) > 0;

CREATE OR REFRESH STREAMING TABLE devices
COMMENT 'Devices that are registered now: device_id, site, model, installed_at.'
TBLPROPERTIES ('quality' = 'silver', 'pipelines.trigger.interval' = '30 seconds');

-- By sequence, not by arrival: changes come late and twice.
-- What leads back to the raw change stays out too: it would make versions that differ in nothing else.
CREATE FLOW devices AS AUTO CDC INTO devices
FROM STREAM(valid_device_changes)
KEYS (device_id)
APPLY AS DELETE WHEN operation = 'DELETE'
SEQUENCE BY sequence
COLUMNS * EXCEPT (
  operation, sequence, malformed_value, value, source, source_name, source_partition, source_offset, source_time,
  ingest_time
)
STORED AS SCD TYPE 1;

CREATE OR REFRESH STREAMING TABLE devices_history
COMMENT "Each device's site and model over time, from sequence __START_AT up to __END_AT (NULL: still so)."
TBLPROPERTIES ('quality' = 'silver', 'pipelines.trigger.interval' = '30 seconds');

CREATE FLOW devices_history AS AUTO CDC INTO devices_history
FROM STREAM(valid_device_changes)
KEYS (device_id)
APPLY AS DELETE WHEN operation = 'DELETE'
SEQUENCE BY sequence
COLUMNS * EXCEPT (
  operation, sequence, malformed_value, value, source, source_name, source_partition, source_offset, source_time,
  ingest_time
)
STORED AS SCD TYPE 2;
