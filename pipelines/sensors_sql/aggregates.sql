-- Gold: readings summarised by device and minute.

CREATE OR REFRESH STREAMING TABLE sensor_data_aggregated (
  CONSTRAINT has_readings EXPECT (reading_count > 0),
  -- The tolerance is for the rounding of a mean of doubles.
  CONSTRAINT avg_temperature_within_min_max
    EXPECT (avg_temperature BETWEEN min_temperature - 1e-6 AND max_temperature + 1e-6),
  CONSTRAINT avg_humidity_within_min_max
    EXPECT (avg_humidity BETWEEN min_humidity - 1e-6 AND max_humidity + 1e-6)
)
COMMENT 'Temperature and humidity by device and minute; a minute appears once it is complete.'
TBLPROPERTIES ('quality' = 'gold')
AS SELECT
  device_id,
  window.start AS minute,
  avg(temperature) AS avg_temperature,
  min(temperature) AS min_temperature,
  max(temperature) AS max_temperature,
  avg(humidity) AS avg_humidity,
  min(humidity) AS min_humidity,
  max(humidity) AS max_humidity,
  count(*) AS reading_count
FROM STREAM(sensor_data_silver) WATERMARK event_time DELAY OF INTERVAL ${sensors.watermark}
GROUP BY device_id, window(event_time, '${sensors.window}');
