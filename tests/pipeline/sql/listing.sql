-- Create a table to read the streaming data from Kafka
CREATE TABLE sensor_data_raw (
  device_id STRING,
  temperature DOUBLE,
  humidity DOUBLE,
  event_time TIMESTAMP
)
TBLPROPERTIES (
  'delta.live.table' = 'true',
  'delta.minReaderVersion' = '1',
  'delta.minWriterVersion' = '2'
);

-- Ingest data from Kafka
CREATE STREAMING LIVE TABLE sensor_data_bronze
AS SELECT *
FROM kafka.`<KAFKA_TOPIC_URL>`
OPTIONS (
  'kafka.bootstrap.servers' = '<KAFKA_BOOTSTRAP_SERVERS>',
  'subscribe' = '<KAFKA_TOPIC>',
  'startingOffsets' = 'latest'
);

-- Parse the JSON messages and write to sensor_data_raw table
CREATE STREAMING LIVE TABLE parsed_sensor_data
AS SELECT
  CAST(value AS STRING) AS json,
  timestamp
FROM sensor_data_bronze;

-- Extract JSON fields
CREATE STREAMING LIVE TABLE sensor_data_silver
AS SELECT
  get_json_object(json, '$.device_id') AS device_id,
  get_json_object(json, '$.temperature') AS temperature,
  get_json_object(json, '$.humidity') AS humidity,
  timestamp AS event_time
FROM parsed_sensor_data;

-- Aggregate sensor data by minute
CREATE STREAMING LIVE TABLE sensor_data_aggregated
AS SELECT
  device_id,
  date_trunc('minute', event_time) AS minute,
  avg(temperature) AS avg_temperature,
  avg(humidity) AS avg_humidity
FROM sensor_data_silver
GROUP BY device_id, date_trunc('minute', event_time);

-- Filter and enrich data
CREATE STREAMING LIVE TABLE sensor_data_enriched
AS SELECT
  device_id,
  minute,
  avg_temperature,
  avg_humidity,
  CASE WHEN avg_temperature > 30 THEN 'High' ELSE 'Normal' END AS temperature_status
FROM sensor_data_aggregated;
