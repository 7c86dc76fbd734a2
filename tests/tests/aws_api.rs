//! A public fuzzer against the real sync-now: whatever is asked, the answer is one that infra/openapi.yaml describes.
#![allow(clippy::unwrap_used)]

use driftless_testkit::repository;
use driftless_tests::aws::{HttpFront, Rig, orders_csv, orders_sync, tool};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_is_described() {
    let fuzzer = tool("fuzz", "schemathesis");
    if !fuzzer.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is not there", fuzzer.display());
        eprintln!("SKIPPED: no schemathesis at {}; .ci/tools installs it", fuzzer.display());
        return;
    }
    let Some(rig) = Rig::deploy("fuzzed").await else { return };
    // `purchases` is the sync of the description's examples; its second run is held.
    let sync = orders_sync("append", "prefix: orders/", "hold: { billable_over: 20 }\n");
    rig.publish(&[("purchases", &sync)]).await;
    rig.put("orders/a.csv", orders_csv((0..10).map(|id| (id, id)))).await;
    rig.finished("purchases", 1).await;
    rig.put("orders/b.csv", orders_csv((10..50).map(|id| (id, id)))).await;
    rig.until("the second is held", async || rig.checkpoint("purchases").await.last_run == 2).await;

    let front = HttpFront::start(rig.functions["sync-now"].clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let fuzz = tokio::process::Command::new(fuzzer)
        .arg("run")
        .arg(repository().join("infra/openapi.yaml"))
        .args([
            "--header",
            "Authorization: AWS4-HMAC-SHA256 signed",
            "--url",
            &front.url,
            "--seed",
            "1",
            "--max-examples",
            "25",
            "--no-color",
        ])
        // API Gateway's own part: it checks signatures (403 where the fuzzer wants 401), and answers 404 to a method that
        // no route takes (405). A missing key of a start is still found, as invalid data.
        .args(["--exclude-checks", "ignored_auth,missing_required_header,unsupported_method"])
        .current_dir(folder.path())
        .output();
    let output = fuzz.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().rev().take(12).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n"));
}
