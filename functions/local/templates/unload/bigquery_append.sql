-- BigQuery: yesterday's new rows of {{table}}, as a daily scheduled query, for sync {{sync}} (source.feed: append).
-- Copy the files to {{root}}{{prefix}}. A name with the day in it is never written again with other rows.
-- Rows that arrive later with an older {{time}} are missed: compare the column that says when a row was loaded, if there
-- is one, or reach further back; what was sent is not sent again.
EXPORT DATA OPTIONS (
  uri = CONCAT('gs://my-bucket/{{prefix}}', FORMAT_DATE('%Y%m%d', @run_date), '-*.parquet'),
  format = 'PARQUET',
  compression = 'ZSTD',
  overwrite = true
) AS
SELECT * FROM `{{table}}`
WHERE {{time}} >= TIMESTAMP_SUB(TIMESTAMP(@run_date), INTERVAL 1 DAY) AND {{time}} < TIMESTAMP(@run_date);
