# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scripts that fetch. Whoever sources this has PATIENCE (seconds), WORK (a folder of its own) and die.

# Runs what may say much; its last lines where it fails.
quietly() { # WHAT COMMAND...
	timeout "$PATIENCE" "${@:2}" >"$WORK/log" 2>&1 && return 0
	tail -n 8 "$WORK/log" | sed 's/^/    /' >&2
	die "$1 failed"
}
