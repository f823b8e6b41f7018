-- Bronze: sensor events as they were sent, from files. From Kafka they come by STREAM read_kafka(bootstrapServers =>
-- 'localhost:9092', subscribe => 'sensor_data', startingOffsets => 'earliest') and the columns of sources/kafka.py.

CREATE OR REFRESH STREAMING TABLE sensor_data_bronze
COMMENT 'Sensor events as they were sent, with their position in the source; append only.'
TBLPROPERTIES (
  'quality' = 'bronze',
  -- Nobody filters bronze: min/max statistics over raw text are a quarter of the write's cost.
  'delta.dataSkippingNumIndexedCols' = '0'
)
-- Text, not JSON: a corrupt line stays as it was sent.
AS SELECT
  value,
  CAST(NULL AS STRING) AS key,
  'auto_loader' AS source,
  _metadata.file_path AS source_name,
  CAST(NULL AS INT) AS source_partition,
  CAST(NULL AS BIGINT) AS source_offset,
  _metadata.file_modification_time AS source_time,
  current_timestamp() AS ingest_time
FROM STREAM read_files('${sensors.landing_path}', format => 'text', schema => 'value STRING');
