#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 120
#
# Help, man page and completion of mgx agree: the same commands, the same options with the
# same letters, the same exit statuses; and the unit and the sample file are in order.
set -u
cd "$(dirname "$0")/../.." || exit 1
. selftests/lib/tap.sh

mgx=build/mgx
man=loader/mgx.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$PWD/build:$PATH

point_shows=("$work/diff")
mapfile -t commands < <($mgx -p help | sed -n 's/^ *"name": "\(.*\)",$/\1/p')
plan "$((3 * ${#commands[@]} + 8))"

same() { # WHAT, of two lists in $work/a and $work/b
	diff "$work/a" "$work/b" >"$work/diff"
	point $? "$1"
}

# Each line of the section COMMANDS, with the commands that it is about before it.
awk '
	/^\.SH/ { on = /^\.SH COMMANDS/; next }
	!on { next }
	/^\.RS/ { depth++ }
	/^\.RE/ { depth-- }
	was_tp && !depth {
		names = $0
		sub(/^\.BR? /, "", names)
		gsub(/[",]/, " ", names)
	}
	{ heading = was_tp ? "heading" : ""; was_tp = /^\.TP/; gsub(/\\-/, "-"); print " " names " \t" heading "\t" $0 }
' $man >"$work/commands"

# options COMMAND: "--name -n", or "--name", of its own, from the tool.
options() {
	$mgx -p help "$1" | awk -F'"' '
		/^ *"name": "/ { name = $4 }
		/^ *"short": "/ { short = $4 }
		/^ *"help": / && name != "" { print "--" name (short == "" ? "" : " -" short); name = "" }
	' | grep -vxE -- '--(json -j|pretty -p|raw -r|debug -d|help -h)' | sort
}

# The headings of options in a command's part of the man page.
man_options() {
	awk -F'\t' -v name=" $1 " 'index($1, name) && $2 == "heading" { print $3 }' "$work/commands" |
		grep -E '^\.BR (-[A-Za-z0-9]|--)' | tr -d '",' |
		awk '{
			short = ""
			for (i = 2; i <= NF; i++) {
				word = $i
				sub(/=.*/, "", word)
				if (word ~ /^-[A-Za-z0-9]$/) short = word
				if (word ~ /^--/) { print word (short == "" ? "" : " " short); short = "" }
			}
		}' | sort
}

# complete WORDS...: what the completion offers for the last one.
complete_words() {
	bash -c '. loader/mgx.bash-completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_mgx
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>"$work/err" | sort -u | grep .
}

printf '%s\n' "${commands[@]}" | sort >"$work/a"
$mgx help | sed -nE '/^Commands:/,/^$/s/^  ([a-z]+).*/\1/p' | sort >"$work/b"
same 'the help has all commands'
cut -f1 "$work/commands" | tr -s ' ' '\n' | grep . | sort -u >"$work/b"
same 'the man page has all commands'
sed -n '/^\.SH SYNOPSIS/,/^\.SH DESC/s/^\.B mgx \([a-z]*\).*/\1/p' $man | grep . | sort -u >"$work/b"
same 'and so has its synopsis'
complete_words mgx '' >"$work/b"
same 'the completion offers all commands'

for command in "${commands[@]}"; do
	options "$command" >"$work/a"
	case $command in
	check) man_options load ;;	# "with the same options"
	*) man_options "$command" ;;
	esac >"$work/b"
	same "$command: the man page has its options"
	$mgx help "$command" | grep -oE -- '^ +(-[A-Za-z0-9], +)?--[a-z-]+' | tr -d , |
		awk '{ print NF == 2 ? $2 " " $1 : $1 }' |
		grep -vxE -- '--(json -j|pretty -p|raw -r|debug -d|help -h)' | sort >"$work/b"
	same "$command: the help has its options"
	{ tr ' ' '\n' <"$work/a"; printf '%s\n' --json -j --pretty -p --raw -r --debug -d --help -h; } | sort -u >"$work/c"
	mv "$work/c" "$work/a"
	complete_words mgx "$command" - >"$work/b"
	same "$command: the completion offers its options"
done

$mgx help | sed -nE '/^Exit status:/,/^$/s/^  ([0-9]).*/\1/p' >"$work/a"
sed -n '/^\.SH EXIT STATUS/,/^\.SH FILES/s/^\.B \([0-9]\)$/\1/p' $man >"$work/b"
same 'help and man page have the same exit statuses'
# Every file that mgx speaks of is in the man page: settings of the file of apply.
sed -nE '/^\} settings\[\]/,/^\};/s/^\t\{ "([a-z_]+)".*/\1/p' loader/config.c | sort >"$work/a"
[ -s "$work/a" ] && while read -r setting; do
	sed -n '/^\.SH FILE OF APPLY/,/^\.SH OUTPUT/p' $man | grep -q "^$setting = " && echo "$setting"
done <"$work/a" >"$work/b"
same 'and every setting of the file of apply is in the man page'

# The sample is read to its end before this kernel is found to lack what it needs.
$mgx apply --dry-run loader/mgx.conf >"$work/diff" 2>&1
case $? in 0 | 3 | 4) point 0 'the sample file can be read' ;; *) point 1 'the sample file can be read' ;; esac
# What the unit calls, mgx has; and it is skipped where the kernel has nothing for it.
options apply | tr ' ' '\n' >"$work/a"
{ grep -x 'ConditionPathExists=/sys/kernel/mm/migrate_offload/policies_enabled' loader/mgx.service &&
	sed -n 's/^ExecStart=.*mgx apply//p' loader/mgx.service | tr ' ' '\n' | grep '^-' | grep -vxFf "$work/a" |
		{ ! sed 's/^/no option of apply: /' | grep .; }; } >"$work/diff"
rc=$?
if [ $rc = 0 ] && command -v systemd-analyze >/dev/null; then
	sed 's|@PREFIX@/sbin/mgx|/bin/true|; /^Documentation/d' loader/mgx.service >"$work/mgx.service"
	systemd-analyze verify "$work/mgx.service" >"$work/diff" 2>&1
	rc=$?
fi
point $rc 'the unit is in order'
exit $failed
