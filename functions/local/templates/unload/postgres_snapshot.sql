-- PostgreSQL (RDS, Aurora with aws_s3): the whole of {{table}}, with pg_cron {{often}}, for sync {{sync}}
-- (source.complete: each_file: one export is one snapshot). Above about 6 GB RDS goes on in files _part2, _part3, of which
-- each_file would take one for the whole: use source.complete: { quiet_minutes: 15 } then, and empty the folder before each run.
SELECT cron.schedule('driftless_{{sync}}', '{{cron}}', $job$
  SELECT * FROM aws_s3.query_export_to_s3(
    'SELECT * FROM {{table}}',
    aws_commons.create_s3_uri('{{bucket}}', '{{key}}' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') || '.csv', 'us-east-1'),
    options := 'format csv, header true'
  )
$job$);
