-- Gold: temperature status by device and minute, with the device's site and model, and by hour.

CREATE OR REFRESH STREAMING TABLE sensor_data_enriched
COMMENT "Aggregates with temperature_status (High above the threshold, else Normal), and the device's site and model as registered when the minute was processed (NULL: not registered)."
TBLPROPERTIES ('quality' = 'gold')
-- A stream joined with a table as it is: each micro-batch sees the devices of its time.
AS SELECT
  aggregate.*,
  CASE WHEN avg_temperature > ${sensors.temperature_threshold} THEN 'High' ELSE 'Normal' END AS temperature_status,
  device.site,
  device.model
FROM STREAM(sensor_data_aggregated) AS aggregate
LEFT JOIN devices AS device ON aggregate.device_id = device.device_id;

CREATE OR REFRESH MATERIALIZED VIEW sensor_status_by_hour
COMMENT 'Device-minutes and devices by hour and temperature status; the dashboard draws it.'
-- Recomputed in full each time: not after every micro-batch of its input.
TBLPROPERTIES ('quality' = 'gold', 'pipelines.trigger.interval' = '30 seconds')
AS SELECT
  -- Not date_trunc: it cuts at the session zone's hours, which are UTC's half hours in India.
  window.start AS hour,
  temperature_status,
  count(*) AS device_minutes,
  count(DISTINCT device_id) AS devices,
  avg(avg_temperature) AS avg_temperature
FROM sensor_data_enriched
GROUP BY window(minute, '1 hour'), temperature_status;
