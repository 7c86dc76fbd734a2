use comfy_table::{ContentArrangement, Table, presets};
use driftless_core::config::Kind;
use driftless_core::model::{PlanSummary, QuarantinedRow, RunRecord, RunStatus};

/// A table in the one style of the command.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    table
}

/// `12,345`
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`
pub fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", number(n), if n == 1 { "" } else { "s" })
}

/// `2025-03-01 12:34:56` in UTC.
pub fn moment(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// A plan, for people.
pub fn print_plan(sync: &str, kind: Kind, plans: &[PlanSummary], note: Option<&str>) {
    if let Some(note) = note {
        println!("{sync}: {note}");
    }
    let Some(first) = plans.first() else {
        if note.is_none() {
            println!("{sync}: nothing to do; the destination has everything that is there");
        }
        return;
    };
    let sum = |of: fn(&PlanSummary) -> u64| plans.iter().map(of).sum::<u64>();
    println!(
        "{sync}: {} read as {} feed{}",
        count(sum(|p| p.exports.len() as u64), "export"),
        first.feed,
        if plans.len() > 1 { format!(", in {} runs", plans.len()) } else { String::new() }
    );
    let mut rows = table(&[
        "rows read",
        "insert",
        "update",
        "delete",
        "unchanged",
        "duplicate",
        "coalesced",
        "rejected",
        "filtered",
    ]);
    rows.add_row([
        number(sum(|p| p.counts.read)),
        number(sum(|p| p.inserts)),
        number(sum(|p| p.updates)),
        number(sum(|p| p.deletes)),
        number(sum(|p| p.counts.unchanged)),
        number(sum(|p| p.counts.duplicate)),
        number(sum(|p| p.counts.coalesced)),
        number(sum(|p| p.counts.rejected)),
        number(sum(|p| p.counts.filtered)),
    ]);
    println!("{rows}");
    println!(
        "would send {} ({}) in {}, {} before compression",
        count(sum(|p| p.lines), kind.noun()),
        if kind.is_billed() { "each may be billed" } else { "not billed" },
        count(sum(|p| u64::from(p.batches)), "request"),
        bytes(sum(|p| p.payload_bytes))
    );
    for plan in plans {
        for (reason, count) in &plan.rejected_by_reason {
            println!("rejected: {}, {reason}", self::count(*count, "row"));
        }
        print_rejected(plan.rejected_first.iter());
        for (export, cause) in &plan.failed_exports {
            println!("cannot be read: {export}: {cause}");
        }
        if let Some(users) = &plan.users {
            println!(
                "users: {} % of {} with events have a profile{}",
                users.percent(),
                count(u64::from(users.users), "user"),
                if users.all { "" } else { " (a sample)" }
            );
        }
        for hold in &plan.holds {
            println!("will be held for approval: {hold}");
        }
        for warning in &plan.warnings {
            println!("note: {}", warning.text);
        }
    }
    for sample in plans.iter().flat_map(|p| &p.samples).take(3) {
        println!("sample, from {}:", sample.from);
        println!("{}", serde_json::to_string_pretty(&sample.payload).unwrap_or_default());
    }
}

/// Rejected rows, one a line.
pub fn print_rejected<'a>(rows: impl Iterator<Item = &'a QuarantinedRow>) {
    for row in rows {
        println!("  {}", rejected_line(row));
    }
}

/// File, row, column, cause and remedy of a rejected row.
pub fn rejected_line(row: &QuarantinedRow) -> String {
    let column = row.error.column.as_ref().map(|c| format!(", column {c}")).unwrap_or_default();
    format!("{} row {}{column}: {}. {}", row.export, row.row, row.error.cause, capitalised(&row.error.remedy))
}

/// A sentence begins with a capital.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Runs, for people.
pub fn print_runs(runs: &[RunRecord]) {
    // Only a stack is billed for its runs.
    let is_billed = runs.iter().any(|run| run.cost.is_some());
    let mut columns = vec![
        "run",
        "state",
        "planned (UTC)",
        "read",
        "accepted",
        "unchanged",
        "duplicate",
        "coalesced",
        "rejected",
        "filtered",
        "deleted",
        "sent",
        "requests",
    ];
    if is_billed {
        columns.push("AWS $");
    }
    let mut rows = table(&columns);
    for run in runs {
        let mut cells = vec![
            run.run.0.to_string(),
            status_word(run.status).to_string(),
            moment(run.planned_at_ms),
            number(run.counts.read),
            number(run.counts.accepted),
            number(run.counts.unchanged),
            number(run.counts.duplicate),
            number(run.counts.coalesced),
            number(run.counts.rejected),
            number(run.counts.filtered),
            number(run.counts.deleted_by_absence),
            number(run.settled.events_sent),
            number(run.settled.requests),
        ];
        if is_billed {
            cells.push(run.cost.map_or_else(String::new, |cost| format!("{:.6}", cost.total)));
        }
        rows.add_row(cells);
    }
    println!("{rows}");
}

/// A run's state in a word.
pub fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Delivering => "delivering",
        RunStatus::Held => "held",
        RunStatus::Finished => "finished",
        RunStatus::Rejected => "rejected",
    }
}

/// `1.5 MB`
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} KB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}
