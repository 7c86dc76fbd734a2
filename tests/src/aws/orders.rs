//! A table of orders that the tests of a stack export.

/// A sync of orders: a mode, a source, and lines to add.
pub fn orders_sync(mode: &str, source: &str, more: &str) -> String {
    let events = "events:\n  name: { value: Order }\n  time: { column: at }\n  user_id: user\n  insert_id: id\n";
    format!("destination: product\nkind: events\nmode: {mode}\nsource: {{ {source} }}\n{events}{more}")
}

/// Orders as CSV, each an id and a value: one of seven users, one of 28 days.
pub fn orders_csv(rows: impl IntoIterator<Item = (u32, u32)>) -> String {
    let line = |(id, value): (u32, u32)| format!("o{id},u{},2025-01-{:02}T00:00:00Z,{value}\n", id % 7, 1 + id % 28);
    format!("id,user,at,v\n{}", rows.into_iter().map(line).collect::<String>())
}
