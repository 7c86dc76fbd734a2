//! Shards that an earlier unload left behind. A re-run that writes fewer of them replaces the first ones and leaves the
//! others, which would bring deleted rows back.

use std::collections::BTreeMap;

use crate::model::ExportVersion;

/// Between two unloads into one folder. Shards of one unload that are further apart than this, and than the later ones
/// among themselves, are not known.
const UNLOADS_APART_MS: i64 = 10 * 60_000;

/// What names the shards of one unload: folder, text before the number, endings.
type Family<'a> = (&'a str, String, &'a str);

/// A shard's name in parts.
struct Shard<'a> {
    family: Family<'a>,
    /// The query that wrote it, where the name has it.
    query: Option<&'a str>,
    number: Vec<u64>,
}

/// Takes out the shards that are older than the unload which wrote the first ones; their keys.
pub(super) fn leave_out_stale(exports: &mut Vec<ExportVersion>) -> Vec<String> {
    let mut families: BTreeMap<Family<'_>, Vec<(Shard<'_>, i64, &str)>> = BTreeMap::new();
    for export in exports.iter() {
        if let Some(shard) = shard_of(&export.key) {
            families.entry(shard.family.clone()).or_default().push((shard, export.modified_ms, &export.key));
        }
    }
    let mut stale = Vec::new();
    for mut shards in families.into_values() {
        shards.sort_by_key(|(_, modified_ms, _)| std::cmp::Reverse(*modified_ms));
        let Some(first_stale) = first_stale(&shards) else { continue };
        stale.extend(shards[first_stale..].iter().map(|(_, _, key)| (*key).to_string()));
    }
    stale.sort();
    exports.retain(|export| stale.binary_search(&export.key).is_err());
    stale
}

/// Of shards from new to old: where those of an earlier unload begin.
fn first_stale(shards: &[(Shard<'_>, i64, &str)]) -> Option<usize> {
    let newest_ms = shards.first()?.1;
    if let Some(query) = shards[0].0.query {
        let others = shards.iter().position(|(shard, ..)| shard.query != Some(query))?;
        // Two queries that wrote at the same time both count.
        return shards[others..].iter().all(|(shard, ..)| shard.query != Some(query)).then_some(others);
    }
    let at = (1..shards.len()).find(|at| {
        let (apart_ms, spread_ms) = (shards[at - 1].1 - shards[*at].1, newest_ms - shards[at - 1].1);
        apart_ms >= UNLOADS_APART_MS.max(spread_ms)
    })?;
    // An unload writes from the first shard on; one shard that was replaced by hand is no unload.
    let lowest = shards.iter().map(|(shard, ..)| &shard.number).min();
    let has_lowest = shards[..at].iter().any(|(shard, ..)| Some(&shard.number) == lowest);
    has_lowest.then_some(at)
}

/// Names of BigQuery (`NAME000000000012.csv`), Redshift (`NAME0001_part_00.parquet`) and Snowflake
/// (`NAME0_2_1.csv.gz`, with INCLUDE_QUERY_ID a UUID before that).
fn shard_of(key: &str) -> Option<Shard<'_>> {
    let (folder, name) = key.split_at(key.rfind('/').map_or(0, |at| at + 1));
    let (stem, endings) = name.split_at(name.find('.').unwrap_or(name.len()));
    let (rest, last) = number_at_end(stem)?;
    let (name, query, number) = if let Some(rest) = rest.strip_suffix("_part_") {
        let (rest, slice) = number_at_end(rest).filter(|(_, digits)| digits.len() == 4)?;
        (rest, None, vec![slice, last])
    } else if last.len() == 12 {
        (rest, None, vec![last])
    } else {
        let (rest, second) = number_at_end(rest.strip_suffix('_')?)?;
        let (rest, first) = number_at_end(rest.strip_suffix('_')?)?;
        match uuid_at_end(rest) {
            Some((rest, query)) => (rest, Some(query), vec![first, second, last]),
            None => (rest, None, vec![first, second, last]),
        }
    };
    let number = number.into_iter().map(|digits| digits.parse().ok()).collect::<Option<Vec<u64>>>()?;
    Some(Shard { family: (folder, name.to_string(), endings), query, number })
}

fn number_at_end(text: &str) -> Option<(&str, &str)> {
    let rest = text.trim_end_matches(|character: char| character.is_ascii_digit());
    (rest.len() < text.len()).then(|| text.split_at(rest.len()))
}

/// `data_019c059d-0502-d90c-0000-438300ad6596_` → `data_` and the UUID.
fn uuid_at_end(text: &str) -> Option<(&str, &str)> {
    const UUID_BYTES: usize = 36;
    let text = text.strip_suffix('_')?;
    let (rest, query) = text.split_at_checked(text.len().checked_sub(UUID_BYTES)?)?;
    let is_uuid = query.bytes().enumerate().all(|(n, byte)| match n {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    is_uuid.then_some((rest, query))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    fn left_out(files: &[(&str, i64)]) -> Vec<String> {
        let export = |(key, minute): &(&str, i64)| ExportVersion {
            key: (*key).to_string(),
            modified_ms: minute * MINUTE_MS,
            etag: String::new(),
            size_bytes: 0,
            version_id: None,
        };
        leave_out_stale(&mut files.iter().map(export).collect())
    }

    #[test]
    fn a_second_unload_with_fewer_shards_leaves_old_ones() {
        let (new, old) = (1_500, 60);
        for names in [
            ["t/a-000000000000.csv", "t/a-000000000001.csv", "t/a-000000000002.csv"],
            ["t/v_0000_part_00", "t/v_0001_part_00", "t/v_0001_part_01"],
            ["t/data_0_0_0.csv.gz", "t/data_0_1_0.csv.gz", "t/data_1_0_0.csv.gz"],
        ] {
            let [a, b, c] = names;
            assert_eq!(left_out(&[(a, new), (b, new + 1), (c, old)]), [c]);
            assert!(left_out(&[(a, old), (b, old + 8), (c, old + 15)]).is_empty(), "one slow unload");
            assert!(left_out(&[(a, old), (b, old), (c, new)]).is_empty(), "one replaced by hand");
            assert!(left_out(&[(a, new), ("t/other.csv", old), ("u/a-000000000001.csv", old)]).is_empty());
        }
    }

    #[test]
    fn of_two_queries_the_later_counts() {
        let (a, b) = ("019c059d-0502-d90c-0000-438300ad6596", "019c06aa-0502-d90c-0000-438300ad6596");
        let name = |query: &str, n: u32| format!("t/data_{query}_0_{n}_0.snappy.parquet");
        let files = [(name(a, 0), 5), (name(a, 1), 6), (name(b, 0), 7)];
        let files: Vec<(&str, i64)> = files.iter().map(|(key, minute)| (key.as_str(), *minute)).collect();
        assert_eq!(left_out(&files), [name(a, 0), name(a, 1)]);
        let at_once = [(files[0].0, 5), (files[1].0, 9), (files[2].0, 7)];
        assert!(left_out(&at_once).is_empty());
    }

    #[test]
    fn other_numbers_are_no_shards() {
        for key in ["t/2026-11-23.csv", "t/orders.csv", "t/part-00000-x.parquet", "t/1_2.csv", "t/20261123.csv"] {
            assert!(shard_of(key).is_none(), "{key}");
        }
    }
}
