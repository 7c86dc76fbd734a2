//! YAML examples of the documentation are valid configuration.

use driftless_core::config::{check_sync, parse_project, parse_sync};
use driftless_testkit::repository;

fn examples(text: &str) -> Vec<String> {
    text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(String::from).collect()
}

#[test]
fn yaml_examples_parse() {
    let root = repository();
    let project = parse_project(
        "driftless.yaml",
        "exports: ./exports\ndestinations: { product: { type: mixpanel, token: 'env:TOKEN', service_account: 'env:ACCOUNT', project_id: '7' } }",
    )
    .expect("a minimal project");
    let amplitude = parse_project(
        "driftless.yaml",
        "exports: ./exports\ndestinations: { product: { type: amplitude, api_key: 'env:KEY', secret_key: 'env:SECRET' } }",
    )
    .expect("a minimal project");
    let original = parse_project(
        "driftless.yaml",
        "exports: ./exports\ndestinations: { product: { type: mixpanel, service_account: 'env:ACCOUNT', project_id: '7', id_merge: original } }",
    )
    .expect("a minimal project");
    let mut seen = 0;
    for file in [
        "README.md",
        "docs/configuration.md",
        "docs/exports.md",
        "docs/operating.md",
        "docs/aws.md",
        "docs/amplitude.md",
        "docs/migrate.md",
    ] {
        let text = std::fs::read_to_string(root.join(file)).expect("the document is there");
        for example in examples(&text) {
            let project = match file {
                "docs/amplitude.md" => &amplitude,
                _ if example.contains("kind: identities") => &original,
                _ => &project,
            };
            if example.contains("destinations:") {
                parse_project(file, &example).unwrap_or_else(|e| panic!("{e}\n{example}"));
                seen += 1;
            } else if example.contains("kind:") {
                let sync = parse_sync(file, "example", &example).unwrap_or_else(|e| panic!("{e}\n{example}"));
                assert_eq!(check_sync(file, &sync, project), [], "{file}:\n{example}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 3, "only {seen} examples were found");
}
