//! What the agent stage is handed: a plan that policy authorised, and its intent on the disk.
use std::path::Path;

use time_shift::audit::{Event, IntentLogged, Record, Trail};
use time_shift::model::{ClockPlan, VmId};
use time_shift::policy::{
    Authorized, Confirmation, Decision, Grant, Pins, Request, Starter, authorize, decide,
};
use time_shift::{allowlist, plan, system, vmconfig};

/// VM 100.
pub fn vm100() -> VmId {
    VmId::parse(b"100").unwrap()
}

/// An allowlist with one profile for VM 100: target, anchor and what else `keys` say.
pub fn grant(keys: &str) -> (Grant, allowlist::Allowlist) {
    let text = format!(
        r#"version = 1
[profiles.test]
{keys}
[[allow]]
vmids = [100]
profiles = ["test"]
assign = "test"
earliest = "1970-01-01"
latest = "2105-12-31"
max-shift = "100y"
"#
    );
    let list = allowlist::parse(&text).unwrap();
    let request = Request {
        vmid: vm100(),
        registered_tags: Vec::new(),
        confirmation: Confirmation::Missing,
        starter: Starter::default(),
        pins: Pins::default(),
    };
    let facts = vmconfig::parse(b"machine: q35\n");
    match decide(&request, &facts, &list) {
        Decision::Permitted(grant) => (*grant, list),
        other => panic!("{other:?}"),
    }
}

/// A plan by those keys, authorised now, with its intent in a trail in `folder`.
pub fn order(keys: &str, folder: &Path) -> (Authorized<ClockPlan>, IntentLogged) {
    let now = system::now().unwrap();
    let (grant, _) = grant(keys);
    let plan = plan::make(&grant, now).unwrap();
    let authorized = authorize(grant, plan, now).unwrap();
    let trail = Trail::new(folder, &folder.join("data")).unwrap();
    let record = Record::new(Event::Intent, vm100());
    let intent = trail.intent(&authorized, record).unwrap();
    (authorized, intent)
}
