//! Six situations as buyers describe them: each answer can be acted on. A plan serves every stream at its target; a refusal
//! names what is in the way, by how much the nearest device misses, and changes that are plans with a price.

use std::process::Command;

use serde_json::Value;

struct Answer {
    code: i32,
    json: Value,
    text: String,
}

fn plan(scenario: &str) -> Answer {
    let run = |format: &str| {
        Command::new(env!("CARGO_BIN_EXE_edgemem"))
            .args(["plan", &format!("scenarios/{scenario}.yaml"), "--format", format])
            .output()
            .unwrap()
    };
    let json = run("json");
    Answer {
        code: json.status.code().unwrap(),
        json: serde_json::from_slice(&json.stdout).unwrap(),
        text: String::from_utf8(run("table").stdout).unwrap(),
    }
}

/// Every entry of `key` in every workload of the plan.
fn workloads(answer: &Answer) -> Vec<&Value> {
    let sites = answer.json["sites"].as_array().unwrap();
    let devices = sites.iter().flat_map(|site| site["devices"].as_array().unwrap());
    devices.flat_map(|device| device["workloads"].as_array().unwrap()).collect()
}

/// A refusal that a buyer can act on: what cannot hold together, and at least one change with its price.
fn can_be_acted_on(answer: &Answer) {
    assert!(!answer.json["conflict"].as_array().unwrap().is_empty(), "{}", answer.text);
    let changes = answer.json["relaxations"].as_array().unwrap();
    assert!(
        changes.iter().any(|change| change["objective"].as_f64().is_some_and(|price| price > 0.0)),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("no allowed runtime"), "{}", answer.text);
}

#[test]
fn all_six_give_a_plan_or_a_refusal_to_act_on() {
    for scenario in
        ["ticket-kiosks", "inspection-drones", "hospital-ward", "bottling-line", "farm-gateway", "delivery-robots"]
    {
        let answer = plan(scenario);
        match answer.code {
            0 => assert!(!workloads(&answer).is_empty(), "{scenario}"),
            3 => can_be_acted_on(&answer),
            code => panic!("{scenario} ends with {code}: {}", answer.text),
        }
    }
}

/// 24 cameras at 15 pictures a second are 360 a second; a board that reaches 44 to 97 is no answer.
#[test]
fn the_bottling_line_is_asked_for_every_camera() {
    let answer = plan("bottling-line");
    assert!(answer.text.contains("360"), "{}", answer.text);
    for workload in workloads(&answer) {
        let low = workload["inferences_s_low"].as_f64().or_else(|| workload["inferences_s"].as_f64()).unwrap();
        assert!(low * 24.0 >= 360.0 || low >= 360.0, "{workload}");
    }
}

/// An embedding's only target is its rate: wanted and reached are told, and nothing of a first token.
#[test]
fn the_ward_is_told_the_rate_of_its_search() {
    let answer = plan("hospital-ward");
    for workload in workloads(&answer).iter().filter(|workload| workload["name"] != "assistant") {
        assert!(workload["inferences_s"].as_f64().is_some_and(|rate| rate > 0.0), "{workload}");
    }
}

/// Pictures of a kiosk's camera become tokens by the model's own rule (patches of 28 pixels, 1024 x 768: 37 x 27).
#[test]
fn the_kiosk_knows_how_many_tokens_a_picture_is() {
    let answer = plan("ticket-kiosks");
    assert!(!answer.text.contains("how many tokens an image"), "{}", answer.text);
}
