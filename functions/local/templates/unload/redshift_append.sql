-- Redshift: new rows of {{table}}, as a scheduled query {{often}} (cron {{cron}}), for sync {{sync}} (source.feed: append).
-- Give each run a prefix of its own, so that no file is written twice with other rows.
UNLOAD ('SELECT * FROM {{table}} WHERE {{time}} >= DATEADD(hour, -1, DATE_TRUNC(''hour'', GETDATE())) AND {{time}} < DATE_TRUNC(''hour'', GETDATE())')
TO '{{root}}{{prefix}}YYYYMMDDHH_'
IAM_ROLE default
FORMAT AS PARQUET;
