//! One generated event, and the seeded source of such events.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::prng::Prng;
use crate::words;

/// Start of the generated range: 2024-01-01T00:00:00Z, in milliseconds.
const START_MS: u64 = 1_704_067_200_000;
/// Length of the range: 731 days, 2024 and 2025.
const SPAN_MS: u64 = 731 * 86_400_000;
/// How many customers the shop has.
const CUSTOMERS: u64 = 80_000;

/// Column names in file order.
pub const COLUMNS: [&str; 17] = [
    "event_id",
    "customer_id",
    "created_at",
    "event_name",
    "session_id",
    "page_url",
    "referrer",
    "product_id",
    "product_name",
    "category",
    "price",
    "quantity",
    "currency",
    "country",
    "device",
    "is_member",
    "extra",
];

/// One event of the shop, 17 columns. Reused from row to row, so that its strings keep their space.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Row {
    /// Uuid, unique in a data set.
    pub event_id: String,
    /// One of 80,000 customers.
    pub customer_id: String,
    /// ISO time with milliseconds, UTC.
    pub created_at: String,
    /// One of 20 names.
    pub event_name: &'static str,
    /// Session of the visit.
    pub session_id: String,
    /// Page with its query.
    pub page_url: String,
    /// Where the visit came from; missing in 35 % of the rows.
    pub referrer: Option<&'static str>,
    /// Stock number.
    pub product_id: String,
    /// Product name; some hold quotes.
    pub product_name: String,
    /// Product category.
    pub category: &'static str,
    /// Price with at most 2 decimals.
    pub price: f64,
    /// Pieces.
    pub quantity: i64,
    /// ISO currency.
    pub currency: &'static str,
    /// ISO country.
    pub country: &'static str,
    /// Device and system.
    pub device: &'static str,
    /// Member of the loyalty programme.
    pub is_member: bool,
    /// A JSON object as text.
    pub extra: String,
}

/// The seeded source of rows: row `n` depends on the seed and on `n` alone.
#[derive(Debug, Clone)]
pub struct Rows {
    seed: u64,
    next: u64,
    rows: u64,
    row: Row,
}

impl Rows {
    /// `rows` rows from `seed`.
    pub fn new(seed: u64, rows: u64) -> Self {
        Self { seed, next: 0, rows, row: Row::default() }
    }

    /// The next row, until all were given.
    pub fn next_row(&mut self) -> Option<&Row> {
        if self.next == self.rows {
            return None;
        }
        let mut prng = Prng::new(self.seed.rotate_left(40) ^ self.next);
        fill(&mut self.row, &mut prng, self.next, self.rows);
        self.next += 1;
        Some(&self.row)
    }
}

fn fill(row: &mut Row, prng: &mut Prng, index: u64, rows: u64) {
    uuid(&mut row.event_id, prng.next_u64(), prng.next_u64());
    row.customer_id.clear();
    let _ = write!(row.customer_id, "cus_{:07}", prng.below(CUSTOMERS));
    created_at(&mut row.created_at, prng, index, rows);
    row.event_name = prng.pick(&words::EVENTS);
    row.session_id.clear();
    let _ = write!(row.session_id, "s_{:016x}{:04x}", prng.next_u64(), prng.below(1 << 16));

    row.category = prng.pick(&words::CATEGORIES);
    let product = prng.below(20_000);
    row.page_url.clear();
    let _ = write!(
        row.page_url,
        "https://shop.example.com/{}/p/{product}?utm_source={}",
        row.category,
        prng.pick(&words::SOURCES)
    );
    row.referrer = (!prng.chance(35)).then(|| prng.pick(&words::REFERRERS));
    row.product_id.clear();
    let _ = write!(row.product_id, "SKU-{product:06}");
    // The product's own numbers: the same product keeps its name and price.
    let mut own = Prng::new(product);
    row.product_name.clear();
    let _ = write!(
        row.product_name,
        "{} {} {}",
        own.pick(&words::ADJECTIVES),
        own.pick(&words::MATERIALS),
        own.pick(&words::THINGS)
    );
    let cents = 199 + own.below(29_800);
    row.price = cents as f64 / 100.0;
    row.quantity = 1 + prng.below(4) as i64;
    row.currency = prng.pick(&words::CURRENCIES);
    let place = prng.below(words::COUNTRIES.len() as u64) as usize;
    row.country = words::COUNTRIES[place];
    row.device = prng.pick(&words::DEVICES);
    row.is_member = prng.chance(40);
    extra(row, prng, cents, place);
}

fn extra(row: &mut Row, prng: &mut Prng, cents: u64, place: usize) {
    let total = (cents * (row.quantity as u64)) as f64 / 100.0;
    row.extra.clear();
    let _ = write!(
        row.extra,
        r#"{{"cart":{{"id":"{:016x}","items":{},"value":{total}}},"city":"{}","experiment":"{}","tags":["{}"],"score":0.{:012}}}"#,
        prng.next_u64(),
        row.quantity,
        words::CITIES[place],
        prng.pick(&words::EXPERIMENTS),
        prng.pick(&words::TAGS),
        prng.below(1_000_000_000_000),
    );
}

fn uuid(text: &mut String, high: u64, low: u64) {
    text.clear();
    let _ = write!(
        text,
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    );
}

/// Times grow with the row, with a jitter of up to an hour, as in an export ordered by load time.
fn created_at(text: &mut String, prng: &mut Prng, index: u64, rows: u64) {
    let step = u128::from(SPAN_MS - 3_600_000) * u128::from(index) / u128::from(rows.max(1));
    let ms = START_MS + step as u64 + prng.below(3_600_000);
    let time = Timestamp::from_millisecond(ms as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = time.to_zoned(TimeZone::UTC).datetime();
    text.clear();
    let _ = write!(
        text,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    );
}
