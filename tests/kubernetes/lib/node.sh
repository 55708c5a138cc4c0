# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One node with all that makes a cluster, on loopback, over a containerd of its own.

NODE=$WORK/node
NODE_NAME=localhost # as it is called, exec and logs find its kubelet on loopback
CRI=$NODE/containerd.sock
API_PORT=16443 ETCD_PORT=12379 ETCD_PEER_PORT=12380 KUBELET_PORT=16250
STATIC=$NODE/static # manifests of pods that no API server knows before
CNI_BRIDGE=kw-test
GATEWAY=10.213.0.1 # the node, as pods see it
export KUBECONFIG=$NODE/kubeconfig

node_program() { # NAME [ARG]...: in the background, its output kept
	setsid "$BIN/$1" "${@:2}" >"$NODE/log/$1" 2>&1 </dev/null &
	NODE_PIDS+=($!)
}

kubectl() {
	"$BIN/kubectl" "$@"
}

ctr_node() {
	ctr --address "$CRI" --namespace k8s.io "$@"
}

quiet() {
	"$@" >/dev/null 2>&1
}

# restrict_oom_score_adj: where the node is a container itself, it may not lower that.
write_containerd_settings() {
	cat >"$NODE/containerd.toml" <<-END
		version = 2
		root = "$NODE/containerd"
		state = "$NODE/run"
		[grpc]
		  address = "$CRI"
		[ttrpc]
		  address = "$CRI.ttrpc"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "$PAUSE_IMAGE"
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$NODE/cni"
	END
	cat >"$NODE/cni/10-pods.conflist" <<-END
		{"cniVersion": "0.4.0", "name": "pods", "plugins": [
		  {"type": "bridge", "bridge": "$CNI_BRIDGE", "isGateway": true,
		   "ipam": {"type": "host-local", "dataDir": "$NODE/addresses",
		            "ranges": [[{"subnet": "${GATEWAY%.*}.0/24"}]]}}]}
	END
}

write_cluster_settings() {
	openssl genrsa -out "$NODE/accounts.key" 2048 2>/dev/null
	echo 'administrator,administrator,administrator,system:masters' >"$NODE/tokens"
	cat >"$KUBECONFIG" <<-END
		apiVersion: v1
		kind: Config
		clusters: [{name: test, cluster: {server: "https://127.0.0.1:$API_PORT", insecure-skip-tls-verify: true}}]
		users: [{name: administrator, user: {token: administrator}}]
		contexts: [{name: test, context: {cluster: test, user: administrator}}]
		current-context: test
	END
	# enforceNodeAllocatable, failCgroupV1: nothing is asked of the machine's own control groups.
	cat >"$NODE/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: 127.0.0.1
		port: $KUBELET_PORT
		healthzPort: 0
		authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
		authorization: {mode: AlwaysAllow}
		cgroupDriver: cgroupfs
		containerRuntimeEndpoint: unix://$CRI
		staticPodPath: $STATIC
		fileCheckFrequency: 1s
		failSwapOn: false
		failCgroupV1: false
		enforceNodeAllocatable: []
		localStorageCapacityIsolation: false
		evictionHard: {memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%"}
	END
}

start_api_server() {
	node_program etcd --data-dir "$NODE/etcd" --listen-client-urls "http://127.0.0.1:$ETCD_PORT" \
		--advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
		--listen-peer-urls "http://127.0.0.1:$ETCD_PEER_PORT" --unsafe-no-fsync
	node_program kube-apiserver --etcd-servers="http://127.0.0.1:$ETCD_PORT" \
		--bind-address=127.0.0.1 --advertise-address=127.0.0.1 --secure-port="$API_PORT" \
		--cert-dir="$NODE/certificates" --token-auth-file="$NODE/tokens" \
		--authorization-mode=Node,RBAC --allow-privileged=true \
		--service-cluster-ip-range=10.214.0.0/24 \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$NODE/accounts.key" \
		--service-account-signing-key-file="$NODE/accounts.key" \
		--kubelet-preferred-address-types=Hostname
}

start_others() {
	node_program kube-controller-manager --kubeconfig="$KUBECONFIG" --secure-port=0 --leader-elect=false \
		--service-account-private-key-file="$NODE/accounts.key" --use-service-account-credentials
	node_program kube-scheduler --kubeconfig="$KUBECONFIG" --secure-port=0 --leader-elect=false
	node_program kubelet --kubeconfig="$KUBECONFIG" --config="$NODE/kubelet.yaml" \
		--root-dir="$NODE/kubelet" --cert-dir="$NODE/kubelet/certificates" \
		--hostname-override="$NODE_NAME"
}

node_is_ready() {
	kubectl get node "$NODE_NAME" --no-headers 2>/dev/null | grep -qw Ready
}

node_start() { # IMAGE-ARCHIVE...
	local archive
	NODE_PIDS=()
	mkdir -p "$NODE"/{log,cni,kubelet} "$STATIC"
	write_containerd_settings
	write_cluster_settings
	setsid containerd --config "$NODE/containerd.toml" >"$NODE/log/containerd" 2>&1 </dev/null &
	CONTAINERD_PID=$!
	start_api_server
	wait_until 30 quiet ctr_node version || { echo 'containerd does not come up' && return 1; }
	for archive; do ctr_node images import "$archive" >/dev/null || return 1; done
	wait_until 120 quiet kubectl get --raw /readyz || { echo 'the API server does not come up' && return 1; }
	start_others
	wait_until 120 node_is_ready || { echo 'the node does not get ready' && return 1; }
	wait_until 60 quiet kubectl get serviceaccount default || { echo 'no service account' && return 1; }
}

# --- the end ---

no_containers_left() {
	[[ -z $(ctr_node containers ls -q 2>/dev/null) ]]
}

# The kubelet takes its pods down, with their networks.
remove_pods() {
	local namespace
	rm -f "$STATIC"/*
	for namespace in $(kubectl get namespaces -o name 2>/dev/null); do
		kubectl -n "${namespace#*/}" delete daemonsets,deployments,cronjobs,jobs,pods --all --wait=false \
			--grace-period=1 >/dev/null 2>&1 || true
	done
	wait_until 40 no_containers_left || true
}

remove_node_cgroups() {
	local dir
	for dir in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
		[[ ! -d $dir ]] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}

node_stop() {
	[[ -n ${CONTAINERD_PID:-} ]] || return 0
	remove_pods
	local i
	for ((i = ${#NODE_PIDS[@]} - 1; i >= 0; i--)); do end_process "${NODE_PIDS[i]}"; done
	ctr_node tasks ls -q 2>/dev/null |
		while read -r task; do ctr_node tasks kill --signal KILL "$task" || true; done
	end_process "$CONTAINERD_PID"
	unmount_below "$NODE"
	ip link delete "$CNI_BRIDGE" 2>/dev/null || true
	remove_node_cgroups
}
