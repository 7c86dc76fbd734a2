-- Snowflake: the changes of {{table}}, {{often}}, for sync {{sync}} (source.feed: change).
-- Once: CREATE STAGE driftless URL = '{{root}}' STORAGE_INTEGRATION = my_integration;
-- SHOW_INITIAL_ROWS brings the rows that are there now with the first run.
-- Parquet refuses TIMESTAMP_TZ and TIMESTAMP_LTZ: where {{table}} has one, select it in UTC without its zone, as in
-- * REPLACE (CONVERT_TIMEZONE('UTC', {{time}})::TIMESTAMP_NTZ AS {{time}}).
CREATE STREAM IF NOT EXISTS driftless_{{sync}} ON TABLE {{table}} SHOW_INITIAL_ROWS = TRUE;
CREATE OR REPLACE TASK driftless_{{sync}}
  WAREHOUSE = my_warehouse
  SCHEDULE = 'USING CRON {{cron}} UTC'
WHEN SYSTEM$STREAM_HAS_DATA('driftless_{{sync}}')
AS
  -- An unload consumes the stream; * brings its METADATA$ACTION, METADATA$ISUPDATE and METADATA$ROW_ID as well. The query
  -- id keeps files of different runs apart.
  COPY INTO @driftless/{{prefix}}
  FROM (SELECT * FROM driftless_{{sync}})
  FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE INCLUDE_QUERY_ID = TRUE;
ALTER TASK driftless_{{sync}} RESUME;
