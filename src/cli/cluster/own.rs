//! Whether a cluster is the one that this host is a node of. VMIDs say nothing about that: most clusters have
//! a VM 100, and many a node called pve.
use crate::api::Cluster;
use crate::config::Config;
use crate::system::{self, Trust};

/// Most that is read of corosync.conf.
const LIMIT: usize = 256 * 1024;

/// Whether it is. A node of no cluster can be told from another of its name only by asking it through its
/// own pvesh (`is_here`).
pub(super) fn is(config: &Config, cluster: &Cluster, is_here: bool) -> bool {
    let here = system::hostname();
    let has_this_node = cluster.nodes.iter().any(|(node, _)| node.as_str() == here);
    let name = cluster.name.as_ref();
    has_this_node && (is_here || name.is_some_and(|name| is_ours(config, name.as_str())))
}

fn is_ours(config: &Config, name: &str) -> bool {
    let file = config.paths.pve.join("corosync.conf");
    let text = system::read(&file, Trust::Data, LIMIT).unwrap_or_default();
    cluster_name(&String::from_utf8_lossy(&text)) == Some(name)
}

/// What corosync.conf(5) calls the cluster.
fn cluster_name(text: &str) -> Option<&str> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, name) = lines.find(|(key, _)| key.trim() == "cluster_name")?;
    Some(name.trim()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_cluster_is_found() {
        let text = "totem {\n  cluster_name: lab\n  version: 2\n}\n";
        assert_eq!(cluster_name(text), Some("lab"));
        assert_eq!(cluster_name("totem {\n  cluster_name:\n}\n"), None);
    }
}
