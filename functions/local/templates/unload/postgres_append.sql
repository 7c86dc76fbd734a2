-- PostgreSQL (RDS, Aurora with aws_s3): new rows of {{table}}, with pg_cron every hour, for sync {{sync}} (source.feed: append).
-- Rows that arrive later with an older {{time}} are missed: compare the column that says when a row was loaded, if there
-- is one, or reach further back; what was sent is not sent again.
-- Above about 6 GB RDS goes on in files _part2, _part3, which are read as well.
SELECT cron.schedule('driftless_{{sync}}', '5 * * * *', $job$
  SELECT * FROM aws_s3.query_export_to_s3(
    'SELECT * FROM {{table}} WHERE {{time}} >= date_trunc(''hour'', now()) - interval ''1 hour'' AND {{time}} < date_trunc(''hour'', now())',
    aws_commons.create_s3_uri('{{bucket}}', '{{key}}' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24') || '.csv', 'us-east-1'),
    options := 'format csv, header true'
  )
$job$);
