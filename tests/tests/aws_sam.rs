//! A person's first day: build, deploy, publish, put a file, see it arrive.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use driftless_aws::{Settings, Stack, published_settings};
use driftless_core::protocol::load_checkpoint;
use driftless_sandbox::server::{SandboxConfig, start};
use driftless_sandbox::store::CopyFilter;
use driftless_tests::aws::{Emulator, binaries, orders_csv, orders_sync, sam};

#[tokio::test(flavor = "multi_thread")]
async fn build_deploy_publish_and_a_file_arrives() {
    let (Some(emulator), Some(program)) = (Emulator::running(), sam::sam()) else { return };
    let account = emulator.account();
    let folder = tempfile::tempdir().unwrap();
    let template = sam::build(&program, folder.path());
    sam::deploy(&program, &template, &account, "firstday");

    // What the template tells operators is what the command reads.
    let settings = published_settings(&account.config(), "/driftless/firstday/settings").await.unwrap();
    let stack = Stack::new(Settings::read(&settings).unwrap(), &account.config(), true, 0).unwrap();
    let bucket = &stack.settings.exports_bucket;
    let sandbox = start(SandboxConfig::local(0)).await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&account.config());
    let token = ssm.put_parameter().name("/driftless/token").value("a-token");
    token.r#type(aws_sdk_ssm::types::ParameterType::SecureString).send().await.unwrap();
    let project = format!(
        "exports: s3://{bucket}/\ndestinations:\n  product: {{ type: mixpanel, token: \"ssm:/driftless/token\", url: \"{}\" }}\n",
        sandbox.url()
    );
    std::fs::create_dir(folder.path().join("syncs")).unwrap();
    std::fs::write(folder.path().join("driftless.yaml"), project).unwrap();
    let orders = orders_sync("mirror", "prefix: orders/, feed: snapshot, complete: each_file", "");
    std::fs::write(folder.path().join("syncs/orders.yaml"), orders).unwrap();
    let published = tokio::process::Command::new(binaries().join("driftless"))
        .args(["--stack", "firstday", "publish", "--project"])
        .arg(folder.path())
        .envs([("AWS_ENDPOINT_URL", account.url.as_str()), ("AWS_ACCESS_KEY_ID", &account.id)])
        .envs([("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "us-east-1")])
        .output();
    let published = published.await.unwrap();
    assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));

    for (run, rows, copies) in [(1, 0..100, 100), (2, 1..101, 102)] {
        let put = account.s3().put_object().bucket(bucket).key("orders/all.csv");
        put.body(orders_csv(rows.map(|id| (id, id))).into_bytes().into()).send().await.unwrap();
        let arrives = async {
            loop {
                let checkpoint = load_checkpoint(stack.ports(), "orders").await.unwrap();
                if checkpoint.last_run == run && checkpoint.runs.is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(90), arrives).await.expect("the file arrives");
        // The first hundred; then one that went and one that came.
        let store = sandbox.store();
        let all = tokio::task::block_in_place(|| store.copies(&CopyFilter::default(), 0, 1_000)).unwrap();
        assert_eq!(all.len(), copies);
    }
}
