-- BigQuery: yesterday's changes of {{table}}, as a daily scheduled query, for sync {{sync}} (source.feed: change).
-- Once: ALTER TABLE `{{table}}` SET OPTIONS (enable_change_history = true); and one load of the rows that are there.
-- Copy the files to {{root}}{{prefix}}. CHANGES takes at most one day at a time and ends ten minutes before now.
EXPORT DATA OPTIONS (
  uri = CONCAT('gs://my-bucket/{{prefix}}', FORMAT_DATE('%Y%m%d', @run_date), '-*.parquet'),
  format = 'PARQUET',
  compression = 'ZSTD',
  overwrite = true
) AS
SELECT
  * EXCEPT (_CHANGE_TYPE, _CHANGE_TIMESTAMP, _CHANGE_IS_FOR_UPDATE),
  _CHANGE_TYPE AS change_type,
  _CHANGE_TIMESTAMP AS change_timestamp,
  _CHANGE_IS_FOR_UPDATE AS is_for_update
FROM CHANGES(
  TABLE `{{table}}`,
  TIMESTAMP_SUB(TIMESTAMP(@run_date), INTERVAL 1 DAY),
  TIMESTAMP(@run_date)
);
