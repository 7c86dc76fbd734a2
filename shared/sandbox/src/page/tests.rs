use super::*;

fn page() -> Page {
    Page {
        totals: Totals {
            requests: 11,
            received: 4321,
            accepted: 4300,
            copies: 4300,
            visible: 4000,
            deleted: 7,
            hidden: 293,
        },
        counts: vec![EventCount {
            event: "<b>Paid</b> & \"more\"".into(),
            visible: 4000,
            deleted: 7,
            copies: 4300,
            latest_ms: 1_767_225_600_000,
            received_ms: 1_767_225_601_000,
        }],
        events: vec![CopyRow {
            seq: 77,
            project: "p".into(),
            event: "<script>alert(1)</script>".into(),
            distinct_id: "<u>".into(),
            time_ms: 1_767_225_600_000,
            insert_id: "id-1".into(),
            deleted: true,
            properties: r#"{"x":"</pre><script>"}"#.into(),
            received_ms: 1_767_225_601_000,
        }],
        profiles: vec![ProfileRow {
            project: "p".into(),
            group_key: String::new(),
            id: "<jane>".into(),
            properties: "{}".into(),
            updated_ms: 0,
        }],
        profiles_total: 1,
        amplitude: Summary { events: [("<i>Paid".to_owned(), (3, 0))].into(), ..Summary::default() },
        requests: vec![RequestRow {
            seq: 1,
            at_ms: 1_767_225_602_000,
            path: "/import".into(),
            status: 400,
            events: 21,
            accepted: 20,
            note: "1 × '<time>' is invalid".into(),
        }],
        faults: FaultPlan { rate_429: 0.25, ..FaultPlan::default() },
        filter: Filter { event: Some("\"><i>".into()), distinct_id: None },
    }
}

#[test]
fn it_shows_the_numbers() {
    let html = render(&page()).replace('\u{202f}', " ");
    for expected in [
        ">4 000<",
        ">7<",
        ">293<",
        ">4 300<",
        ">21<",
        ">11<",
        "2026-01-01 00:00:00",
        "2026-01-01 00:00:02",
        "25 %",
        "id-1",
        "Clear",
        ">deleted<",
        "status warn",
    ] {
        assert!(html.contains(expected), "{expected} is missing");
    }
}

#[test]
fn it_escapes_what_was_sent_in() {
    let html = render(&page());
    for forbidden in ["<script", "<b>", "<u>", "<i>", "<time>", "<jane>", "</pre><"] {
        // One event and one profile.
        let allowed = if forbidden == "</pre><" { 2 } else { 0 };
        assert_eq!(html.matches(forbidden).count(), allowed, "{forbidden}");
    }
    assert!(html.contains("&lt;b&gt;Paid&lt;/b&gt; &amp; &quot;more&quot;"));
    assert!(html.contains("/?event=%3Cb%3EPaid%3C%2Fb%3E%20%26%20%22more%22"));
}

#[test]
fn it_needs_nothing_from_elsewhere() {
    let html = render(&page());
    for outside in ["http://", "https://", "<link", "src=", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn an_empty_sandbox_says_what_to_do() {
    let html = render(&Page::default());
    assert!(html.contains("POST /import"));
    assert!(!html.contains("Faults on purpose"));
}
