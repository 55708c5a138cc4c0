# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What pods are made of here: nothing is pulled.

PAUSE_IMAGE=docker.io/library/keelwatch-pause:1

# A pod's first container: it holds the namespaces and reaps what is left to it.
make_pause() { # ARCHIVE
	local root=$WORK/pause
	mkdir -p "$root"
	gcc -static -O2 -o "$root/pause" tests/kubernetes/pause.c || return 1
	ROOTFS=$root IMAGE=$PAUSE_IMAGE IMAGE_TAR=$1 make_image '["/pause"]'
}
