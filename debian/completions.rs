//! What the completions offer besides commands and options: the numbers of the node's VMs, and the
//! names of the profiles.
//!
//! The shells read them from /etc/pve and the allowlist, without calling the program: who may not read
//! those gets nothing offered.
use std::io;

use clap::{Arg, ArgAction, Command};
use clap_complete::{Shell, generate};

/// The profiles' names, for a POSIX shell: their tables' heads, quoted or not.
const PROFILES: &str = r#"    local file=/etc/pve/time-shift/allowlist.toml
    [[ -e $file ]] || file=/etc/time-shift/allowlist.toml
    sed -n 's/^[[:blank:]]*\[[[:blank:]]*profiles\.["'\'']\{0,1\}\([a-z0-9][a-z0-9_-]*\)["'\'']\{0,1\}[[:blank:]]*\].*/\1/p' "$file" 2>/dev/null"#;

/// The completion of a shell for the whole command line.
pub(crate) fn completion(shell: Shell, command: &mut Command) -> io::Result<String> {
    let mut text = Vec::new();
    generate(shell, command, "time-shift", &mut text);
    let text = String::from_utf8(text).map_err(io::Error::other)?;
    match shell {
        Shell::Bash => bash(command, &text),
        Shell::Zsh => zsh(&text),
        Shell::Fish => Ok(fish(command, &text)),
        _ => Err(io::Error::other(format!("nothing is known about {shell}"))),
    }
}

/// What an argument wants to be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Vmid,
    Profile,
    Other,
}

fn kind(argument: &Arg) -> Kind {
    match argument.get_id().as_str() {
        "vmid" | "vmids" | "like" => Kind::Vmid,
        "profile" => Kind::Profile,
        _ => Kind::Other,
    }
}

/// The commands that have a positional argument of a kind in a place.
fn commands_with(command: &Command, wanted: Kind, place: Place) -> Vec<&str> {
    let fits = |command: &Command| {
        command.get_positionals().any(|argument| {
            let many = argument
                .get_num_args()
                .is_some_and(|number| number.max_values() > 1)
                || matches!(argument.get_action(), ArgAction::Append);
            let at = match place {
                Place::Second => argument.get_index() == Some(2),
                Place::All => many,
                Place::Any => true,
            };
            at && kind(argument) == wanted
        })
    };
    let commands = command.get_subcommands();
    commands
        .filter(|command| fits(command))
        .map(Command::get_name)
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// The second one.
    Second,
    /// All that follow.
    All,
    Any,
}

/// Options with a value of a kind, as they are written, of all commands.
fn options(command: &Command, wanted: Kind) -> Vec<String> {
    let mut found: Vec<String> = command
        .get_opts()
        .filter(|option| option.get_action().takes_values() && kind(option) == wanted)
        .filter_map(|option| Some(format!("--{}", option.get_long()?)))
        .collect();
    for below in command.get_subcommands() {
        found.extend(options(below, wanted));
    }
    found.sort();
    found.dedup();
    found
}

fn bash(command: &Command, text: &str) -> io::Result<String> {
    // A hyphen in the program's name is written one way where a command is recognised and another way
    // where its options are.
    let text = &text.replace("time__subcmd__shift", "time__shift");
    let own = "complete -F _time__shift ";
    let (functions, rest) = text
        .rsplit_once("\nif [[ \"${BASH_VERSINFO[0]}\" -eq 4")
        .filter(|(_, rest)| rest.contains(own))
        .ok_or_else(|| changed("bash"))?;
    let second = commands_with(command, Kind::Profile, Place::Second).join(":1|");
    let all = commands_with(command, Kind::Vmid, Place::All).join(":*|");
    let of_vms = options(command, Kind::Vmid).join("|");
    let of_profiles = options(command, Kind::Profile).join("|");
    let others = options(command, Kind::Other).join("|");
    let commands = commands_with(command, Kind::Vmid, Place::Any).join("|");
    let added = format!(
        r#"
_time_shift_vmids() {{
    local file
    for file in /etc/pve/qemu-server/*.conf; do
        file=${{file##*/}}
        file=${{file%.conf}}
        [[ $file =~ ^[1-9][0-9]{{2,8}}$ ]] && printf '%s\n' "$file"
    done
}}

_time_shift_profiles() {{
{PROFILES}
}}

_time_shift_names() {{
    local word index command= given=0 before= names=
    _time__shift "$@"
    # What stands for a value is none.
    for index in "${{!COMPREPLY[@]}}"; do
        [[ ${{COMPREPLY[index]}} != [\<\[]* ]] || unset "COMPREPLY[index]"
    done
    case $3 in
        {of_profiles}) COMPREPLY=($(compgen -W "$(_time_shift_profiles)" -- "$2")); return ;;
        {of_vms}) COMPREPLY=($(compgen -W "$(_time_shift_vmids)" -- "$2")); return ;;
        {others}) return ;;
    esac
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $before in
            {of_profiles}|{of_vms}|{others}) ;;
            *)
                if [[ $command && $word != -* ]]; then
                    given=$((given + 1))
                elif [[ -z $command && $word != -* ]]; then
                    command=$word
                fi
                ;;
        esac
        before=$word
    done
    case $command in
        {commands}) ;;
        *) return ;;
    esac
    case $command:$given in
        {all}:*) names=$(_time_shift_vmids) ;;
        {second}:1) names=$(_time_shift_profiles) ;;
        *:0) names=$(_time_shift_vmids) ;;
    esac
    COMPREPLY+=($(compgen -W "$names" -- "$2"))
}}
"#
    );
    let rest = rest.replace(own, "complete -F _time_shift_names ");
    Ok(format!(
        "{functions}\n{added}\nif [[ \"${{BASH_VERSINFO[0]}}\" -eq 4{rest}"
    ))
}

fn zsh(text: &str) -> io::Result<String> {
    let (functions, rest) = text
        .rsplit_once("\nif [ \"$funcstack[1]\" = ")
        .ok_or_else(|| changed("zsh"))?;
    let mut functions: String = functions
        .lines()
        .map(|line| {
            let argument = line.trim_start_matches(['\'', '*', ':', '-']);
            let name = argument.split(|c: char| !c.is_ascii_alphabetic()).next();
            let of = match name {
                Some("vmid" | "vmids" | "like") => "_time_shift_vmids",
                Some("profile") => "_time_shift_profile_names",
                _ => "_default",
            };
            format!("{}\n", line.replace(":_default'", &format!(":{of}'")))
        })
        .collect();
    functions.push_str(
        r#"
_time_shift_vmids() {
    local -a names
    names=(/etc/pve/qemu-server/<100-999999999>.conf(N:t:r))
    compadd -a names
}

_time_shift_profiles() {
"#,
    );
    functions.push_str(PROFILES);
    functions.push_str(
        r#"
}

_time_shift_profile_names() {
    local -a names
    names=(${(f)"$(_time_shift_profiles)"})
    compadd -a names
}
"#,
    );
    Ok(format!("{functions}\nif [ \"$funcstack[1]\" = {rest}"))
}

fn fish(command: &Command, text: &str) -> String {
    let of_vms = commands_with(command, Kind::Vmid, Place::Any).join(" ");
    let of_profiles = commands_with(command, Kind::Profile, Place::Any).join(" ");
    let mut added = format!(
        r#"
function __fish_time_shift_vmids
    for file in /etc/pve/qemu-server/*.conf
        string replace -rf '^.*/([1-9][0-9]{{2,8}})\.conf$' '$1' $file
    end
end

function __fish_time_shift_profiles
    set -l file /etc/pve/time-shift/allowlist.toml
    test -e $file
    or set file /etc/time-shift/allowlist.toml
    test -r $file
    and string replace -rf '^\s*\[\s*profiles\.["\']?([a-z0-9][a-z0-9_-]*)["\']?\s*\].*' '$1' <$file
end

complete -c time-shift -n "__fish_time_shift_using_subcommand {of_vms}" -f -a "(__fish_time_shift_vmids)"
complete -c time-shift -n "__fish_time_shift_using_subcommand {of_profiles}" -f -a "(__fish_time_shift_profiles)"
"#
    );
    for (wanted, names) in [(Kind::Vmid, "vmids"), (Kind::Profile, "profiles")] {
        for below in command.get_subcommands() {
            for option in options(below, wanted) {
                added.push_str(&format!(
                    "complete -c time-shift -n \"__fish_time_shift_using_subcommand {}\" -l {} -r -f -a \
                     \"(__fish_time_shift_{names})\"\n",
                    below.get_name(),
                    option.trim_start_matches('-')
                ));
            }
        }
    }
    format!("{text}{added}")
}

fn changed(shell: &str) -> io::Error {
    io::Error::other(format!(
        "clap_complete writes {shell} in another way than it did"
    ))
}
