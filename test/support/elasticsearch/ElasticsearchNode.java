import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * One real Elasticsearch node for tests: `java -cp … ElasticsearchNode <home> <data> <port>`, where home has the module
 * transport-netty4 below modules/. What the distribution's launcher adds is left out: checks of the system's limits, and
 * the security manager. Prints `listening on <port>` when it answers; ends with SIGTERM.
 */
public class ElasticsearchNode {
  public static void main(String[] args) throws Exception {
    Settings settings = Settings.builder()
        .put("path.home", args[0])
        .put("path.data", args[1])
        .put("path.logs", args[1] + "/logs")
        .put("http.port", args[2])
        .put("transport.port", "0")
        .put("network.host", "127.0.0.1")
        .put("discovery.type", "single-node")
        .put("node.name", "test")
        .put("cluster.name", "test")
        // The disk of a developer's machine is often fuller than the server likes.
        .put("cluster.routing.allocation.disk.threshold_enabled", "false")
        .put("action.destructive_requires_name", "false")
        .put("node.processors", "1")
        .build();
    Environment environment = new Environment(settings, Path.of(args[1], "config"));
    LogConfigurator.configureESLogging();
    PluginsLoader plugins = PluginsLoader.createPluginsLoader(
        PluginsLoader.loadModulesBundles(environment.modulesDir()),
        PluginsLoader.loadPluginsBundles(environment.pluginsDir()),
        Map.of(),
        false);
    Node node = new Node(environment, plugins);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        node.close();
        node.awaitClose(10, TimeUnit.SECONDS);
      } catch (Exception e) {
        e.printStackTrace();
      }
    }));
    node.start();
    System.out.println("listening on " + args[2]);
    // All threads of the server are daemons.
    Thread.currentThread().join();
  }
}
