//! The whole thing, seen: example exports, a local sandbox, a first sync, changed exports, a second sync, and the comparison.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use driftless_sandbox::server::{SandboxConfig, start};

use crate::cli::{Exit, Failure};
use crate::commands;
use crate::project::Place;

/// Orders in the example.
const ORDERS: u32 = 500;

/// Runs the demo in a folder of its own.
pub async fn run(keep: Option<PathBuf>, json: bool) -> Result<Exit, Failure> {
    let temporary = tempfile::tempdir()?;
    let folder = keep.clone().unwrap_or_else(|| temporary.path().join("demo"));
    if folder.join("driftless.yaml").exists() {
        return Err(Failure::configuration(vec![format!(
            "{} holds a project already; name another folder",
            folder.display()
        )]));
    }
    let sandbox = start(SandboxConfig::local(0)).await?;
    let place = Place::Folder(folder.clone());
    write_project(&folder, &sandbox.url())?;

    say(
        json,
        "1. A warehouse unloaded 500 orders in two CSV files and a day of sign-ups as JSON lines, one row of them broken.",
    );
    write_orders(&folder, false)?;
    write_signups(&folder)?;

    say(json, "\n2. What would a sync do? (driftless plan)");
    commands::plan::run(&place, None, json).await?;

    say(json, "\n3. The first sync, to a sandbox that stands in for Mixpanel. (driftless sync)");
    let first = commands::sync::run(&place, None, false, json).await?;

    say(json, "\n4. The same again: nothing is sent twice. (driftless sync)");
    commands::sync::run(&place, None, false, json).await?;

    say(
        json,
        "\n5. The warehouse unloads again: 3 orders corrected, 2 gone, 1 new, in one file and another order. Only that is sent. (driftless sync orders)",
    );
    write_orders(&folder, true)?;
    commands::sync::run(&place, Some("orders".to_string()), false, json).await?;

    say(json, "\n6. Is the destination equal to the exports? (driftless verify)");
    let mut equal = Exit::Done;
    for sync in ["orders", "signups"] {
        equal = equal.max(commands::verify::run(&place, sync, false, json).await?);
    }

    say(json, "\n7. The broken row waits with its reason. (driftless failures signups)");
    commands::failures::run(&place, "signups", 10, json).await?;

    if keep.is_some() {
        say(
            json,
            &format!(
                "\nThe project is in {}. Its sandbox is at {} until you press Ctrl-C.",
                folder.display(),
                sandbox.url()
            ),
        );
        tokio::signal::ctrl_c().await?;
    }
    sandbox.stop().await?;
    let as_told = first == Exit::Quarantine && equal == Exit::Done;
    Ok(if as_told { Exit::Done } else { Exit::Failed })
}

fn say(json: bool, text: &str) {
    if json {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

fn write_project(folder: &Path, url: &str) -> Result<(), Failure> {
    let write = |path: &str, text: String| -> Result<(), Failure> {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    };
    write("token.txt", "demo-token\n".to_string())?;
    write(
        "driftless.yaml",
        format!(
            "exports: ./exports\nstate: ./.driftless\ndestinations:\n  product: {{ type: mixpanel, token: \"file:token.txt\", url: \"{url}\" }}\n"
        ),
    )?;
    write(
        "syncs/orders.yaml",
        "destination: product\nkind: events\nmode: mirror\nsource: { prefix: orders/, complete: sync_now }\nevents:\n  name: { value: Order Placed }\n  time: { column: created_at, timezone: UTC }\n  user_id: customer_id\n  insert_id: order_id\n".to_string(),
    )?;
    write(
        "syncs/signups.yaml",
        "destination: product\nkind: events\nmode: append\nsource: { prefix: signups/ }\nevents:\n  name: { column: event }\n  time: { column: at }\n  user_id: user\n  insert_id: id\n".to_string(),
    )
}

const STATUSES: [&str; 3] = ["paid", "shipped", "delivered"];
const COUNTRIES: [&str; 4] = ["DE", "FR", "US", "JP"];

fn order(n: u32, status: &str) -> String {
    let (day, hour) = (1 + n % 28, n % 24);
    let cents = 500 + n * 37 % 20_000;
    format!(
        "{n},c{},2025-0{}-{day:02} {hour:02}:15:00,{status},{}.{:02},{}\n",
        n % 90 + 1_000,
        1 + n % 9,
        cents / 100,
        cents % 100,
        COUNTRIES[n as usize % 4]
    )
}

/// The first unload spreads the orders over two files; the second has them in one, the other way round, with 3 corrected,
/// 2 gone and 1 new.
fn write_orders(folder: &Path, corrected: bool) -> Result<(), Failure> {
    const HEADER: &str = "order_id,customer_id,created_at,status,amount,country\n";
    let orders = folder.join("exports/orders");
    std::fs::create_dir_all(&orders)?;
    let status = |n: u32| if corrected && n.is_multiple_of(200) { "refunded" } else { STATUSES[n as usize % 3] };
    if !corrected {
        for (file, range) in [("data_0_0_0.csv", 0..ORDERS / 2), ("data_0_1_0.csv", ORDERS / 2..ORDERS)] {
            let rows: String = range.map(|n| order(n, status(n))).collect();
            std::fs::write(orders.join(file), format!("{HEADER}{rows}"))?;
        }
        return Ok(());
    }
    let mut text = HEADER.to_string();
    for n in (0..=ORDERS).rev().filter(|n| !matches!(n, 17 | 33)) {
        let _ = write!(text, "{}", order(n, status(n)));
    }
    std::fs::write(orders.join("data_0_0_0.csv"), text)?;
    std::fs::remove_file(orders.join("data_0_1_0.csv"))?;
    Ok(())
}

fn write_signups(folder: &Path) -> Result<(), Failure> {
    let signups = folder.join("exports/signups");
    std::fs::create_dir_all(&signups)?;
    let mut text = String::new();
    for n in 0..120 {
        let _ = writeln!(
            text,
            r#"{{"id":"s-{n}","event":"Signed Up","at":"2025-03-01T{:02}:{:02}:00Z","user":"u{n}","plan":{{"name":"{}","seats":{}}}}}"#,
            n / 60,
            n % 60,
            if n % 3 == 0 { "team" } else { "free" },
            1 + n % 5
        );
    }
    text.push_str("{\"id\":\"s-120\",\"event\":\"Signed Up\",\"user\":\"u120\"}\n");
    Ok(std::fs::write(signups.join("2025-03-01.jsonl"), text)?)
}
