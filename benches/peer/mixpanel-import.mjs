// Runs npm's mixpanel-import over local files, with every request going to a local sink.
//
//   node mixpanel-import.mjs --url http://127.0.0.1:PORT --format jsonl|csv|parquet
//        [--workers 10] [--high-water 20000] [--level 1] [--package DIR] FILE...
//
// The package has no option for its API host. So, in this process only, undici's Pool gets the
// sink's origin and the Job class gets a `url` getter that names the sink.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: "string" },
    format: { type: "string", default: "jsonl" },
    workers: { type: "string", default: "10" },
    "high-water": { type: "string", default: "20000" },
    level: { type: "string", default: "1" },
    package: { type: "string", default: join(import.meta.dirname, "node_modules", "mixpanel-import") },
  },
});
const sink = new URL(values.url ?? "http://missing/");
if (sink.hostname !== "127.0.0.1") throw new Error("--url must name a sink on 127.0.0.1");
if (positionals.length === 0) throw new Error("no input file");

const home = resolve(values.package);
const require = createRequire(join(home, "package.json"));

const undici = require("undici");
const RealPool = undici.Pool;
undici.Pool = class extends RealPool {
  constructor(_origin, options) {
    super(sink.origin, options);
  }
};

const Job = require("./components/job.js");
Object.defineProperty(Job.prototype, "url", { get: () => new URL("/import", sink).href });

const importer = require("./index.js");
if (undici.Pool === RealPool) throw new Error("undici's Pool was not replaced: refusing to send");

/** One row to one event, with the columns named: the cheapest mapping for this peer. */
function toEvent(row) {
  const extra = row.extra;
  return {
    event: row.event_name,
    properties: {
      time: Date.parse(row.created_at),
      $user_id: row.customer_id,
      $insert_id: row.event_id,
      session_id: row.session_id,
      page_url: row.page_url,
      referrer: row.referrer,
      product_id: row.product_id,
      product_name: row.product_name,
      category: row.category,
      price: row.price,
      quantity: row.quantity,
      currency: row.currency,
      country: row.country,
      device: row.device,
      is_member: row.is_member,
      extra: typeof extra === "string" ? JSON.parse(extra) : extra,
    },
  };
}

const summary = await importer(
  { token: "bench" },
  positionals.length === 1 ? positionals[0] : positionals,
  {
    recordType: "event",
    streamFormat: values.format,
    workers: Number(values.workers),
    highWater: Number(values["high-water"]),
    compress: true,
    compressionLevel: Number(values.level),
    abridged: true,
    verbose: false,
    logs: false,
    transformFunc: toEvent,
  },
);
const { version } = require("./package.json");
const { total, success, failed, retries, requests, errors } = summary;
process.stdout.write(JSON.stringify({ version, total, success, failed, retries, requests, errors }) + "\n", () =>
  process.exit(failed > 0 ? 1 : 0),
);
