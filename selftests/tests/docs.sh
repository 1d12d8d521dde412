#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# host
# timeout: 120
#
# What README.md and docs/ tell people to type exists: every verb and option of mgx that
# they name, every target of make, every file of this repository; and the policy that
# README.md shows is the one that is there.
set -u
cd "$(dirname "$0")/../.." || exit 1

mgx=build/mgx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pages=(README.md docs/*.md)

number=0 failed=0
echo "TAP version 13"
echo "1..$((3 * ${#pages[@]} + 2))"

point() { # WHAT: fails when $work/bad has something
	number=$((number + 1))
	if [ -s "$work/bad" ]; then
		failed=1
		echo "not ok $number $1"
		sed 's/^/# /' "$work/bad"
	else
		echo "ok $number $1"
	fi
}

# VERB, and "VERB --option" or "VERB -o", of all there are.
for verb in $($mgx -p help | sed -n 's/^ *"name": "\(.*\)",$/\1/p'); do
	echo "$verb"
	$mgx -p help "$verb" | awk -F'"' -v verb="$verb" '
		/^ *"name": "/ { print verb " --" $4 }
		/^ *"short": "/ && $4 != "" { print verb " -" $4 }'
done | sort -u >"$work/there"

# Each use of mgx in code: `mgx ...` in the text, and lines of blocks.
uses() {
	perl -ne '
		if (/^```/) { $block = !$block; next }
		$line = $_;
		if ($block || /^    /) { push @code, $line } else { push @code, $1 while $line =~ /`([^`]+)`/g }
		END {
			for (@code) {
				while (/(?<!make )(?:^|(?<=[\s(;&|]))mgx((?:\s+[^\s|;&>)]+)+)/g) {
					my @words = split " ", $1;
					my @global;
					push @global, shift @words while @words && $words[0] =~ /^-/;
					my $verb = shift @words // next;
					next unless $verb =~ /^[a-z]+$/;
					print "$verb\n";
					for (@global, @words) {
						last if /^#/;
						s/=.*//;
						print "$verb $_\n" if /^--[a-z]|^-[A-Za-z]$/;
					}
				}
			}
		}' "$1" | sort -u
}

for page in "${pages[@]}"; do
	uses "$page" >"$work/uses"
	comm -23 "$work/uses" "$work/there" >"$work/bad"
	point "$page: mgx has what it is asked to do: $(wc -l <"$work/uses") verbs and options"

	grep -oE '\bmake (([A-Z]+=[^ `]+|FLAVOUR=[a-z]+) )*[a-z][a-z-]+' "$page" | grep -oE '[a-z-]+$' | sort -u >"$work/uses"
	# Words of English that may follow the verb.
	sed -nE 's/^\.PHONY: (.*)/\1/p' Makefile selftests/*/Makefile.* loader/Makefile.* | tr ' ' '\n' | sort -u >"$work/targets"
	grep -vxE 'that|and|or|one|sure|it|them|every|all|a|the|no|many|each|migration' "$work/uses" | comm -23 - "$work/targets" >"$work/bad"
	point "$page: make has the targets"

	perl -ne 'print "$&\n" while m{(?<![\w/~.-])(?:scripts|selftests|docs|bpf|loader|include|packaging|kernel/(?:series|tree|config))/[\w./*-]*[\w*]}g' "$page" |
		grep -v 'NNNN\|^include/linux' | sort -u | while IFS= read -r file; do
			compgen -G "$file" >/dev/null || compgen -G "$file.*" >/dev/null || echo "$file"
		done >"$work/bad"
	point "$page: the files are there"
done

# The other way round: the page for operators has every verb.
cut -d' ' -f1 "$work/there" | sort -u >"$work/verbs"
uses docs/operating.md | cut -d' ' -f1 | sort -u | comm -13 - "$work/verbs" >"$work/bad"
point 'docs/operating.md has every verb'

# From its header to its end.
sed -n '/^#include/,$p' bpf/default.bpf.c >"$work/policy"
awk '/^## / { here = /^## A policy in 40 lines/ } /^```/ { code = here && /c$/; next } code' README.md |
	diff "$work/policy" - >"$work/bad"
point 'README.md shows bpf/default.bpf.c as it is'
exit $failed
