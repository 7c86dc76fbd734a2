-- Snowflake: new rows of {{table}}, {{often}}, for sync {{sync}} (source.feed: append).
-- Once: CREATE STAGE driftless URL = '{{root}}' STORAGE_INTEGRATION = my_integration;
-- Parquet refuses TIMESTAMP_TZ and TIMESTAMP_LTZ: where {{table}} has one, select it in UTC without its zone, as in
-- * REPLACE (CONVERT_TIMEZONE('UTC', {{time}})::TIMESTAMP_NTZ AS {{time}}).
CREATE STREAM IF NOT EXISTS driftless_{{sync}} ON TABLE {{table}} APPEND_ONLY = TRUE SHOW_INITIAL_ROWS = TRUE;
CREATE OR REPLACE TASK driftless_{{sync}}
  WAREHOUSE = my_warehouse
  SCHEDULE = 'USING CRON {{cron}} UTC'
WHEN SYSTEM$STREAM_HAS_DATA('driftless_{{sync}}')
AS
  COPY INTO @driftless/{{prefix}}
  FROM (SELECT * EXCLUDE (METADATA$ACTION, METADATA$ISUPDATE, METADATA$ROW_ID) FROM driftless_{{sync}})
  FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE INCLUDE_QUERY_ID = TRUE;
ALTER TASK driftless_{{sync}} RESUME;
