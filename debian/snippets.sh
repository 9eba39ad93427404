# Where copies of the snippet are and which guests name them. This text becomes a part of the
# maintainer scripts. Nothing here writes, and nothing waits longer than its time limit: /etc/pve
# stands still while its cluster is in trouble, a share while its server is away.
# shellcheck shell=sh

# The line that makes a file a copy of the snippet.
snippet_mark='^# time-shift snippet, version [0-9][0-9]*:'

# Runs a command for at most 10 s and in silence.
within() {
    timeout -s KILL 10 "$@" 2>/dev/null
}

# The folders of the storages that offer snippets, one a line: STORAGE, `own` or `shared`, FOLDER.
snippet_folders() {
    {
        echo local own /var/lib/vz/snippets
        { within cat /etc/pve/storage.cfg; echo; echo end: end; } | awk '
            # A section ends where the next line begins without a blank.
            /^[^ \t]/ {
                if (usable && snippets && !disabled && path ~ /^\//)
                    print id, shared ? "shared" : "own", path "/" folder
                usable = 0
            }
            /^[a-z]+:[ \t]*[A-Za-z][A-Za-z0-9._-]*[ \t]*$/ {
                type = $1
                sub(/:.*/, "", type)
                id = $0
                gsub(/^[a-z]+:[ \t]*|[ \t]*$/, "", id)
                shared = type ~ /^(nfs|cifs|cephfs|glusterfs)$/
                usable = shared || type ~ /^(dir|btrfs)$/
                path = shared ? "/mnt/pve/" id : ""
                snippets = disabled = 0
                folder = "snippets"
            }
            /^[ \t]/ {
                value = $0
                gsub(/^[ \t]+[^ \t]+[ \t]*|[ \t]+$/, "", value)
                if ($1 == "path") path = value
                if ($1 == "content") snippets = ("," value ",") ~ /,[ \t]*snippets[ \t]*,/
                if ($1 == "disable") disabled = value != "0"
                if ($1 == "shared" && value == "1") shared = 1
                if ($1 == "content-dirs" && match(value, /snippets=[^,]+/))
                    folder = substr(value, RSTART + 9, RLENGTH - 9)
            }'
    } | sort -u
}

# The copies of the snippet, one a line: VOLUME, `own` or `shared`, FILE. Links are none.
snippet_copies() {
    snippet_folders | while read -r storage kind folder; do
        within find "$folder" -maxdepth 1 -type f -size -64k ! -name '*[!A-Za-z0-9._-]*' \
            -exec grep -q -e "$snippet_mark" '{}' \; -print |
            while IFS= read -r file; do
                echo "$storage:snippets/${file##*/} $kind $file"
            done
    done
}

# The numbers of the guests of the whole cluster whose config, or a snapshot in it, has a hookscript
# that matches a pattern of grep's. Fails where that cannot be known: on a node its cluster's file
# system has to be there for it.
guests_naming() {
    guests_status=0
    guests_files=$(within grep -r -l --include='*.conf' \
        -e "^hookscript:[[:space:]]*$1[[:space:]]*\$" /etc/pve/nodes) || guests_status=$?
    if [ "$guests_status" -gt 1 ]; then
        ! within test -e /etc/pve
        return
    fi
    echo "$guests_files" | sed -n 's,.*/\([0-9]*\)\.conf$,\1,p' | sort -n -u | tr '\n' ' ' | sed 's/ $//'
}
