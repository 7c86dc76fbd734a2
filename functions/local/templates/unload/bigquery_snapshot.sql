-- BigQuery: the whole of {{table}}, as a scheduled query {{often}}, for sync {{sync}}
-- (source.complete: { quiet_minutes: 15 }). EXPORT DATA never deletes: empty the folder before each run, for instance with
-- the copy from Cloud Storage to {{root}}{{prefix}} (rclone sync, DataSync with deletion).
EXPORT DATA OPTIONS (
  uri = 'gs://my-bucket/{{prefix}}*.parquet',
  format = 'PARQUET',
  compression = 'ZSTD',
  overwrite = true
) AS
SELECT * FROM `{{table}}`;
