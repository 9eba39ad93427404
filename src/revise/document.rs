//! The text as a tree that remembers how it was written.
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value};

use super::Bounds;
use super::choose::{Step, is_one_vms};
use super::error::ReviseError;
use super::list;
use crate::allowlist::Rule;
use crate::model::{ProfileName, VmId};

const NOT_TABLES: &str = "the rules are not written as [[allow]] tables";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's text, to be changed.
pub(super) struct Document {
    tree: DocumentMut,
    mark: bool,
    windows: bool,
}

impl Document {
    /// Reads a valid file.
    pub(super) fn read(text: &str) -> Result<Document, ReviseError> {
        let plain = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        let unix = plain.replace("\r\n", "\n");
        let tree: DocumentMut = unix
            .parse()
            .map_err(|_| ReviseError::Layout("the file cannot be taken apart"))?;
        let document = Document {
            tree,
            mark: plain.len() != text.len(),
            windows: unix.len() != plain.len(),
        };
        // What does not come back as it was would change under the administrator's hands.
        match document.write() == text {
            true => Ok(document),
            false => Err(ReviseError::Layout(
                "the file cannot be changed without changing its layout",
            )),
        }
    }

    pub(super) fn write(&self) -> String {
        let mut text = self.tree.to_string();
        if self.windows {
            text = text.replace('\n', "\r\n");
        }
        if self.mark {
            text.insert(0, BYTE_ORDER_MARK);
        }
        text
    }

    /// Does one step; says what that was.
    pub(super) fn carry_out(
        &mut self,
        vmid: VmId,
        step: &Step,
        rules: &[Rule],
    ) -> Result<String, ReviseError> {
        let line = |number: usize| rules.get(number).map_or(0, |rule| rule.line);
        match step {
            Step::Nothing => Ok("nothing".to_owned()),
            Step::Set { rule, assign } => {
                set_assign(self.rule(*rule)?, assign.as_ref());
                Ok(match assign {
                    Some(profile) => {
                        format!("its rule (line {}) assigns profile {profile}", line(*rule))
                    }
                    None => format!("its rule (line {}) assigns nothing", line(*rule)),
                })
            }
            Step::Split { rule, assign } => {
                take_out(self.rule(*rule)?, vmid)?;
                let copy = copy_for(self.rule(*rule)?, vmid, assign.as_ref());
                self.rules()?.insert(rule.saturating_add(1), copy);
                Ok(format!(
                    "it gets a copy of its rule (line {}), which it shared with other VMs",
                    line(*rule)
                ))
            }
            Step::Join { from, to } => {
                if let Some(from) = from {
                    take_out(self.rule(*from)?, vmid)?;
                }
                list::add(vmids(self.rule(*to)?)?, vmid);
                Ok(format!("it goes into the rule in line {}", line(*to)))
            }
            Step::Leave { rule } if rules.get(*rule).is_some_and(is_one_vms) => {
                self.remove_rule(*rule)?;
                Ok(format!(
                    "its rule (line {}), which was its alone, is removed",
                    line(*rule)
                ))
            }
            Step::Leave { rule } => {
                take_out(self.rule(*rule)?, vmid)?;
                Ok(format!("it goes out of the rule in line {}", line(*rule)))
            }
            Step::New { profile, bounds } => {
                let rule = new_rule(vmid, profile, bounds);
                self.rules()?.push(rule);
                Ok("it gets a rule of its own".to_owned())
            }
        }
    }

    fn rules(&mut self) -> Result<&mut ArrayOfTables, ReviseError> {
        self.tree
            .entry("allow")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()))
            .as_array_of_tables_mut()
            .ok_or(ReviseError::Layout(NOT_TABLES))
    }

    fn rule(&mut self, number: usize) -> Result<&mut Table, ReviseError> {
        self.rules()?
            .get_mut(number)
            .ok_or(ReviseError::Layout(NOT_TABLES))
    }

    /// Removes a rule. What stands above its header may be a heading for more than this rule.
    fn remove_rule(&mut self, number: usize) -> Result<(), ReviseError> {
        let rule = self.rule(number)?;
        let position = rule.position();
        let above = prefix(rule);
        self.rules()?.remove(number);
        if self.rules()?.is_empty() {
            self.tree.remove("allow");
        }
        if !above.contains('#') {
            return Ok(());
        }
        let next = position.and_then(|position| next_after(self.tree.as_table(), position));
        match next.and_then(|next| at_position(self.tree.as_table_mut(), next)) {
            Some(table) => {
                let both = format!("{above}{}", prefix(table));
                table.decor_mut().set_prefix(both);
            }
            None => {
                let rest = self.tree.trailing().as_str().unwrap_or_default();
                let both = format!("{above}{rest}");
                self.tree.set_trailing(both);
            }
        }
        Ok(())
    }
}

fn prefix(table: &Table) -> String {
    let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str());
    prefix.unwrap_or_default().to_owned()
}

fn vmids(rule: &mut Table) -> Result<&mut Array, ReviseError> {
    rule.get_mut("vmids")
        .and_then(Item::as_array_mut)
        .ok_or(ReviseError::Layout(NOT_TABLES))
}

fn take_out(rule: &mut Table, vmid: VmId) -> Result<(), ReviseError> {
    match list::remove(vmids(rule)?, vmid) {
        true => Ok(()),
        false => Err(ReviseError::Layout("the VM is not found in its rule")),
    }
}

fn set_assign(rule: &mut Table, assign: Option<&ProfileName>) {
    let Some(profile) = assign else {
        rule.remove("assign");
        return;
    };
    let mut value = Value::from(profile.as_str());
    match rule.get_mut("assign").and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            rule.insert("assign", Item::Value(value));
        }
    }
}

/// The same rule for one VM, without the comments, which stay with the first.
fn copy_for(rule: &Table, vmid: VmId, assign: Option<&ProfileName>) -> Table {
    let mut copy = Table::new();
    copy.decor_mut().set_prefix("\n");
    for (key, item) in rule.iter() {
        let value = match (key, item.as_value()) {
            ("vmids", _) => Value::Array(Array::from_iter([list::number(vmid)])),
            ("assign", _) | (_, None) => continue,
            (_, Some(value)) => plain(value),
        };
        copy.insert(key, Item::Value(value));
    }
    set_assign(&mut copy, assign);
    copy
}

fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    value.decor_mut().clear();
    if let Some(list) = value.as_array_mut() {
        list.fmt();
    }
    value
}

fn new_rule(vmid: VmId, profile: &ProfileName, bounds: &Bounds) -> Table {
    let mut rule = Table::new();
    let mut put = |key: &str, value: Value| {
        rule.insert(key, Item::Value(value));
    };
    put(
        "vmids",
        Value::Array(Array::from_iter([list::number(vmid)])),
    );
    put(
        "profiles",
        Value::Array(Array::from_iter([profile.as_str()])),
    );
    put("assign", Value::from(profile.as_str()));
    put("earliest", Value::from(bounds.earliest.as_str()));
    put("latest", Value::from(bounds.latest.as_str()));
    put("max-shift", Value::from(bounds.max_shift.as_str()));
    rule
}

/// All tables of the file below `table`.
fn tables(table: &Table) -> Vec<&Table> {
    let mut found = Vec::new();
    for (_, item) in table.iter() {
        match item {
            Item::Table(one) => {
                found.push(one);
                found.extend(tables(one));
            }
            Item::ArrayOfTables(list) => {
                for one in list.iter() {
                    found.push(one);
                    found.extend(tables(one));
                }
            }
            Item::None | Item::Value(_) => {}
        }
    }
    found
}

/// The place of the table that follows the one at `position` in the text.
fn next_after(root: &Table, position: isize) -> Option<isize> {
    let written = tables(root)
        .into_iter()
        .filter(|table| !table.is_implicit());
    written
        .filter_map(Table::position)
        .filter(|other| *other > position)
        .min()
}

fn at_position(table: &mut Table, position: isize) -> Option<&mut Table> {
    table.iter_mut().find_map(|(_, item)| match item {
        Item::Table(one) => at_or_below(one, position),
        Item::ArrayOfTables(list) => list.iter_mut().find_map(|one| at_or_below(one, position)),
        Item::None | Item::Value(_) => None,
    })
}

fn at_or_below(table: &mut Table, position: isize) -> Option<&mut Table> {
    match table.position() == Some(position) {
        true => Some(table),
        false => at_position(table, position),
    }
}
