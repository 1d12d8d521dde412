# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# An apt state of our own: the machine's apt configuration gives mirror, proxy and
# keyring, its sources and its state stay as they are, and apt verifies the signatures.
# Source it after lib.sh and set $state to an empty directory.

private_apt() {
	apt-get -q -c "$state/apt.conf" "$@"
}

# private_apt_configure URI KEYRING ARCHITECTURE SUITE...: nothing of the machine's own
# hooks, which tidy up the machine's state and not ours.
private_apt_configure() {
	local uri=$1 keyring=$2 architecture=$3 suite
	shift 3
	mkdir -p "$state"/{lists/partial,cache/archives/partial,parts}
	: >"$state/status"
	for suite; do
		echo "deb [signed-by=$keyring] $uri $suite main"
	done >"$state/sources.list"
	cat >"$state/apt.conf" <<-CONF
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Architectures;
		APT::Architecture "$architecture";
		APT::Architectures { "$architecture"; };
		Dir::State "$state";
		Dir::State::Lists "$state/lists";
		Dir::State::status "$state/status";
		Dir::Cache "$state/cache";
		Dir::Etc::SourceList "$state/sources.list";
		Dir::Etc::SourceParts "$state/parts";
		Dir::Etc::PreferencesParts "$state/parts";
		Acquire::Languages "none";
		APT::Update::Error-Mode "any";
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
		Debug::NoLocking "true";
	CONF
	[ "$(id -u)" != 0 ] || echo 'APT::Sandbox::User "root";' >>"$state/apt.conf"
}

# private_apt_update LOG ARCHITECTURE SUITE...: fetch the lists from the first of the
# machine's mirrors that has them. $keyring says afterwards which one vouches for it.
private_apt_update() {
	local log=$1 candidate
	shift
	local -a candidates
	mapfile -t candidates < <("$TOP/scripts/mirrors")
	[ ${#candidates[@]} -gt 0 ] || die "this machine's apt configuration names no Debian mirror (apt-get indextargets)" \
		"add one, or give the kernel's source yourself: KSRC=/path/to/linux-$KERNEL_SERIES"
	for candidate in "${candidates[@]}"; do
		keyring=${candidate#* }
		private_apt_configure "${candidate%% *}" "$keyring" "$@"
		: >"$log"
		! private_apt update >>"$log" 2>&1 || return 0
	done
	return 1
}
