// SPDX-License-Identifier: Apache-2.0

import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node with HTTP: Node FOLDER HTTP-PORT TRANSPORT-PORT. */
class Node extends org.opensearch.node.Node {
	private Node(Environment environment) {
		super(environment, List.of(Netty4Plugin.class), true);
	}

	public static void main(String[] args) throws Exception {
		Settings settings = Settings.builder()
			.put("path.home", args[0])
			.put("http.port", args[1])
			.put("transport.port", args[2])
			.put("network.host", "127.0.0.1")
			.put("discovery.type", "single-node")
			.put("http.type", "netty4")
			.put("transport.type", "netty4")
			.put("cluster.routing.allocation.disk.threshold_enabled", false)
			.build();

		new Node(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node"))
			.start();
		System.out.println("node started");
		new CountDownLatch(1).await();
	}
}
