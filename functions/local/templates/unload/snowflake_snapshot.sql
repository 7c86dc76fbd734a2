-- Snowflake: the whole of {{table}}, {{often}}, for sync {{sync}} (source.complete: success_marker).
-- Once: CREATE STAGE driftless URL = '{{root}}' STORAGE_INTEGRATION = my_integration;
-- Parquet refuses TIMESTAMP_TZ and TIMESTAMP_LTZ: where {{table}} has one, select it in UTC without its zone, as in
-- * REPLACE (CONVERT_TIMEZONE('UTC', {{time}})::TIMESTAMP_NTZ AS {{time}}).
CREATE OR REPLACE TASK driftless_{{sync}}
  WAREHOUSE = my_warehouse
  SCHEDULE = 'USING CRON {{cron}} UTC'
AS
BEGIN
  -- The old files go first: fewer files than last time would leave some of them there.
  REMOVE @driftless/{{prefix}};
  COPY INTO @driftless/{{prefix}}
  FROM (SELECT * FROM {{table}})
  FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE MAX_FILE_SIZE = 134217728;
  -- Snowflake writes no mark that it is done; this one is newer than every file.
  COPY INTO @driftless/{{prefix}}_SUCCESS
  FROM (SELECT 'done') FILE_FORMAT = (TYPE = CSV COMPRESSION = NONE) SINGLE = TRUE OVERWRITE = TRUE;
END;
ALTER TASK driftless_{{sync}} RESUME;
