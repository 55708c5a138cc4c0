# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The root file system of every container, and an image of it.

ROOTFS=$WORK/rootfs
IMAGE_TAR=$WORK/image.tar
IMAGE=docker.io/library/keelwatch-e2e:1

# busybox and its links, a user "app" (1000), the helper, setuid copies of both for a user's rise,
# and "file" and "dir" to write to.
make_rootfs() {
	local busybox applet
	busybox=$(command -v busybox) || die 'no busybox'
	mkdir -p "$ROOTFS"/{bin,dev,dir,data,etc,mnt,proc,root,run,sys,tmp,var/log,var/www,home/app}
	chmod 1777 "$ROOTFS/tmp"
	cp "$busybox" "$ROOTFS/bin/busybox"
	for applet in $("$busybox" --list); do
		[[ -e $ROOTFS/bin/$applet ]] || ln -s busybox "$ROOTFS/bin/$applet"
	done
	cp "$HELPER" "$ROOTFS/bin/helper"
	cp "$HELPER" "$ROOTFS/bin/helper-suid"
	rm "$ROOTFS/bin/su"
	cp "$busybox" "$ROOTFS/bin/su"
	chmod 4755 "$ROOTFS/bin/su" "$ROOTFS/bin/helper-suid"
	# No password for root: su asks nobody.
	printf '%s\n' 'root::0:0:root:/root:/bin/sh' 'app:x:1000:1000:app:/home/app:/bin/sh' \
		>"$ROOTFS/etc/passwd"
	printf '%s\n' 'root:x:0:' 'app:x:1000:' >"$ROOTFS/etc/group"
	: >"$ROOTFS/file"
	echo '<h1>hello</h1>' >"$ROOTFS/var/www/index.html"
	chown -R 0:0 "$ROOTFS"
	chown 1000:1000 "$ROOTFS/home/app"
	chmod 4755 "$ROOTFS/bin/su" "$ROOTFS/bin/helper-suid"
}

# An archive as `docker save` writes it: docker, podman and ctr all read it.
make_image() { # [COMMAND, as JSON]
	local dir=$WORK/image architecture=amd64 digest command=${1:-'["/bin/sh"]'}
	[[ $(uname -m) != aarch64 ]] || architecture=arm64
	mkdir -p "$dir"
	tar -C "$ROOTFS" --numeric-owner -cf "$dir/layer.tar" .
	digest=$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)
	jq -n --arg digest "sha256:$digest" --arg architecture "$architecture" \
		--argjson command "$command" '{
		architecture: $architecture, os: "linux", created: "2024-01-01T00:00:00Z",
		config: { Cmd: $command, Env: ["PATH=/bin"], WorkingDir: "/" },
		rootfs: { type: "layers", diff_ids: [$digest] },
		history: [{ created: "2024-01-01T00:00:00Z", created_by: "keelwatch" }]
	}' >"$dir/config.json"
	jq -n --arg tag "$IMAGE" \
		'[{ Config: "config.json", RepoTags: [$tag], Layers: ["layer.tar"] }]' \
		>"$dir/manifest.json"
	tar -C "$dir" -cf "$IMAGE_TAR" manifest.json config.json layer.tar
	rm -r "$dir"
}
