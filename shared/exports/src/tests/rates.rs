use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use driftless_core::ports::{RowBlock, RowFormats};
use parquet::arrow::ArrowWriter;

use super::bytes::{Pieces, default_formats};

/// An e-commerce event of 17 columns: ids, a time, names, numbers, booleans, one JSON column; about 645 bytes as JSON.
fn event(n: u64) -> Vec<(&'static str, String, bool)> {
    let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let text = |text: String| (text, true);
    let bare = |text: String| (text, false);
    let cells = [
        (
            "insert_id",
            text(format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                hash as u32,
                n as u16,
                n & 0xfff,
                hash & 0xfff,
                hash & 0xffff_ffff_ffff
            )),
        ),
        ("user_id", text(format!("user_{:08}", hash % 100_000_000))),
        (
            "time",
            text(format!("2025-03-{:02}T{:02}:{:02}:{:02}.{:03}Z", n % 28 + 1, n % 24, n % 60, hash % 60, hash % 1000)),
        ),
        (
            "event",
            text(["Page Viewed", "Product Added", "Checkout Started", "Order Completed"][n as usize % 4].to_string()),
        ),
        ("product_name", text(format!("Merino Wool Sweater No. {}", hash % 1000))),
        ("category", text(["apparel", "outdoor", "kitchen"][n as usize % 3].to_string())),
        ("currency", text("EUR".to_string())),
        ("price", bare(format!("{}.{:02}", hash % 500, hash % 100))),
        ("quantity", bare((hash % 9 + 1).to_string())),
        ("discount", bare(format!("0.{:02}", hash % 50))),
        ("is_member", bare(n.is_multiple_of(2).to_string())),
        ("is_mobile", bare(n.is_multiple_of(3).to_string())),
        (
            "page_url",
            text(format!("https://shop.example.com/products/{}?ref=newsletter&campaign=spring", hash % 100_000)),
        ),
        ("browser", text("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36".to_string())),
        ("country", text(["DE", "US", "FR"][n as usize % 3].to_string())),
        ("session_number", bare((hash % 5000).to_string())),
        (
            "context",
            bare(format!(
                "{{\"cart\":[{},{}],\"ab\":\"variant_{}\",\"scroll\":0.{}}}",
                hash % 97,
                hash % 89,
                n % 7,
                hash % 100
            )),
        ),
    ];
    cells.into_iter().map(|(name, (text, is_text))| (name, text, is_text)).collect()
}

fn json_lines(rows: u64) -> Vec<u8> {
    let line = |n| {
        let members: Vec<String> = event(n)
            .iter()
            .map(
                |(name, text, is_text)| {
                    if *is_text { format!("\"{name}\":\"{text}\"") } else { format!("\"{name}\":{text}") }
                },
            )
            .collect();
        format!("{{{}}}\n", members.join(","))
    };
    (0..rows).map(line).collect::<String>().into_bytes()
}

fn csv(rows: u64) -> Vec<u8> {
    let names: Vec<_> = event(0).iter().map(|(name, ..)| *name).collect();
    let mut text = names.join(",") + "\n";
    for n in 0..rows {
        let cells: Vec<String> = event(n)
            .into_iter()
            .map(
                |(_, text, _)| {
                    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
                },
            )
            .collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text.into_bytes()
}

fn parquet(rows: u64) -> Vec<u8> {
    let events: Vec<_> = (0..rows).map(event).collect();
    let columns = (0..17).map(|c| {
        let (name, ..) = events[0][c];
        let texts = events.iter().map(|e| e[c].1.as_str());
        let array: ArrayRef = match name {
            "price" | "discount" => Arc::new(Float64Array::from_iter_values(texts.map(|t| t.parse::<f64>().unwrap()))),
            "quantity" | "session_number" => {
                Arc::new(Int64Array::from_iter_values(texts.map(|t| t.parse::<i64>().unwrap())))
            }
            "is_member" | "is_mobile" => Arc::new(BooleanArray::from_iter(texts.map(|t| Some(t == "true")))),
            _ => Arc::new(StringArray::from_iter_values(texts)),
        };
        (name, array)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
#[ignore = "measures; run with --release --nocapture"]
fn rates_of_visiting() {
    const ROWS: u64 = 200_000;
    for (name, bytes) in [("JSON lines", json_lines(ROWS)), ("CSV", csv(ROWS)), ("Parquet", parquet(ROWS))] {
        let formats = default_formats();
        let lock = formats.inspect("an/export", Pieces::whole(&bytes), &Default::default()).unwrap().lock;
        let opened = Instant::now();
        let mut reader = formats.open("an/export", Pieces::whole(&bytes), &lock).unwrap();
        let mut blocks: Vec<Box<dyn RowBlock>> = Vec::new();
        while let Some(block) = reader.next_block().unwrap() {
            blocks.push(block);
        }
        let split = ROWS as f64 / opened.elapsed().as_secs_f64();
        let mut best = 0f64;
        for _ in 0..7 {
            let start = Instant::now();
            let mut values = 0;
            for block in &blocks {
                block.visit(&|_| true, &mut |_, row| values += row.unwrap().values.len());
            }
            assert_eq!(values as u64, ROWS * 17);
            best = best.max(ROWS as f64 / start.elapsed().as_secs_f64());
        }
        println!(
            "{name}: {} bytes a row, blocks {:.2} M rows/s, visit {:.2} M rows/s",
            bytes.len() as u64 / ROWS,
            split / 1e6,
            best / 1e6
        );
    }
}
