import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.SafeModeAction;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.hdfs.protocol.HdfsConstants;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.http.HttpServer2;
import org.apache.hadoop.shaded.org.eclipse.jetty.server.Server;
import org.apache.hadoop.shaded.org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A real HDFS on loopback, for tests: NameNodes and DataNodes in this process, or (--datanode) one more DataNode in a process of its own, to be
 * killed. Prints "READY ..." once, then answers each command, one a line on stdin, by a line "OK ..." or "ERR ...". The end of stdin ends it.
 * cluster.ts is its only caller and says what the arguments and commands mean.
 */
public final class MiniCluster {
  private static final String NAMESERVICE = "tidemark";

  private static final int START_TIMEOUT_MS = 60_000;

  private static final int STOP_TIMEOUT_MS = 100;

  private static final int REMOVALS_MAX = 10;

  private final MiniDFSCluster cluster;
  private final List<MiniDFSCluster.DataNodeProperties> stopped = new ArrayList<>();

  private MiniCluster(MiniDFSCluster cluster) {
    this.cluster = cluster;
  }

  public static void main(String[] args) throws Exception {
    Configuration conf = configuration();
    String folder = null;
    String dataNodeOf = null;
    int dataNodes = 1;
    boolean keep = false;
    List<int[]> nameNodes = new ArrayList<>();
    for (int i = 0; i < args.length; i += 2) {
      String value = args[i + 1];
      switch (args[i]) {
        case "--dir" -> folder = value;
        case "--datanode" -> dataNodeOf = value;
        case "--datanodes" -> dataNodes = Integer.parseInt(value);
        case "--keep" -> keep = Boolean.parseBoolean(value);
        // HTTP port and RPC port.
        case "--namenode" -> nameNodes.add(new int[] {portOf(value, 0), portOf(value, 1)});
        case "--set" -> conf.set(value.split("=", 2)[0], value.split("=", 2)[1]);
        default -> throw new IllegalArgumentException(args[i]);
      }
    }
    if (dataNodeOf != null) {
      runDataNode(conf, dataNodeOf, folder);
      return;
    }
    MiniCluster mini = new MiniCluster(build(conf, folder + "/cluster", dataNodes, nameNodes, keep));
    System.out.println("READY");
    mini.serve();
    // Not an orderly end: nobody needs what is on disk.
    // Again where something else removed or made a file meanwhile.
    for (int i = 0; i < REMOVALS_MAX && !FileUtil.fullyDelete(new File(folder)); i++) Thread.sleep(20);
    Runtime.getRuntime().halt(0);
  }

  private static Configuration configuration() {
    Configuration conf = new HdfsConfiguration();
    conf.set("dfs.namenode.http-bind-host", "127.0.0.1");
    // What redirects name.
    conf.set("dfs.datanode.hostname", "127.0.0.1");
    conf.setInt("dfs.datanode.handler.count", 4);
    conf.setInt("dfs.namenode.handler.count", 8);
    conf.setLong("dfs.namenode.fs-limits.min-block-size", 1024);
    conf.setInt("dfs.replication", 1);
    // So that a NameNode which comes back hears of its DataNodes soon.
    conf.setInt("dfs.heartbeat.interval", 1);
    // A DataNode's own client waits this long at a close for the block to be reported: 400 ms by default, which would hide all else.
    conf.setInt("dfs.client.block.write.locateFollowingBlock.initial.delay.ms", 5);
    conf.setInt("dfs.client.block.write.locateFollowingBlock.max.delay.ms", 400);
    conf.setInt("dfs.client.block.write.locateFollowingBlock.retries", 60);
    // No look-up of users in the system, which has none of these.
    conf.set("hadoop.user.group.static.mapping.overrides", "hdfs=supergroup;dr.who=;alice=;bob=");
    return conf;
  }

  private static MiniDFSCluster build(
      Configuration conf, String folder, int dataNodes, List<int[]> nameNodes, boolean keep)
      throws Exception {
    boolean ha = nameNodes.size() > 1;
    MiniDFSCluster.Builder builder =
        new MiniDFSCluster.Builder(conf, new File(folder))
            .numDataNodes(dataNodes)
            .format(!keep)
            .manageNameDfsDirs(true)
            .waitSafeMode(true);
    if (ha) {
      builder.nnTopology(pair(conf, nameNodes));
    } else {
      builder.nameNodeHttpPort(nameNodes.get(0)[0]).nameNodePort(nameNodes.get(0)[1]);
    }
    MiniDFSCluster cluster = builder.build();
    if (ha) cluster.transitionToActive(0);
    cluster.waitActive();
    for (int i = 0; keep && i < cluster.getNumNameNodes(); i++)
      cluster.waitFirstBRCompleted(i, START_TIMEOUT_MS);
    return cluster;
  }

  private static MiniDFSNNTopology pair(Configuration conf, List<int[]> nameNodes) {
    conf.setInt("dfs.ha.tail-edits.period", 1);
    // A NameNode that comes back stays in its safe mode while it waits for blocks of files of which only the edits being written say that they are
    // removed: until the active one begins new edits, 120 s by default.
    conf.setInt("dfs.ha.log-roll.period", 1);
    // As hdfs-site.xml of such a site has it, so that the DataNodes' own clients find the active NameNode.
    MiniDFSNNTopology.NSConf service = new MiniDFSNNTopology.NSConf(NAMESERVICE);
    List<String> names = new ArrayList<>();
    for (int i = 0; i < nameNodes.size(); i++) {
      String name = "nn" + i;
      names.add(name);
      int[] ports = nameNodes.get(i);
      service.addNN(new MiniDFSNNTopology.NNConf(name).setHttpPort(ports[0]).setIpcPort(ports[1]));
      conf.set("dfs.namenode.rpc-address." + NAMESERVICE + "." + name, "127.0.0.1:" + ports[1]);
    }
    conf.set("dfs.nameservices", NAMESERVICE);
    conf.set("dfs.ha.namenodes." + NAMESERVICE, String.join(",", names));
    conf.set(
        "dfs.client.failover.proxy.provider." + NAMESERVICE,
        "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider");
    conf.set("fs.defaultFS", "hdfs://" + NAMESERVICE);
    return new MiniDFSNNTopology().addNameservice(service);
  }

  private static void runDataNode(Configuration conf, String nameNode, String folder)
      throws Exception {
    conf.set("fs.defaultFS", "hdfs://" + nameNode);
    conf.set("dfs.datanode.data.dir", "file://" + folder);
    for (String name : List.of("address", "ipc.address", "http.address"))
      conf.set("dfs.datanode." + name, "127.0.0.1:0");
    DataNode node = DataNode.createDataNode(new String[0], conf);
    while (!node.isDatanodeFullyStarted()) Thread.sleep(20);
    System.out.println("READY");
    while (System.in.read() >= 0) {
      // Until the end of stdin.
    }
    Runtime.getRuntime().halt(0);
  }

  private void serve() throws Exception {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = lines.readLine()) != null; ) {
      String answer;
      try {
        answer = "OK " + run(line.split("\t"));
      } catch (Throwable problem) {
        answer = "ERR " + problem;
      }
      System.out.println(answer.replace('\n', ' '));
    }
  }

  /** One command: its name and its arguments, between tabs. */
  private String run(String[] words) throws Exception {
    switch (words[0]) {
      case "safemode" -> {
        boolean on = Boolean.parseBoolean(words[1]);
        DistributedFileSystem fs = active();
        fs.setSafeMode(on ? SafeModeAction.ENTER : SafeModeAction.LEAVE);
      }
      case "stopnn" -> stopNameNode(number(words, 1));
      case "startnn" -> startNameNode(number(words, 1), Boolean.parseBoolean(words[2]));
      case "standby" -> cluster.transitionToStandby(number(words, 1));
      case "active" -> activate(number(words, 1));
      case "stopdn" -> stopped.add(cluster.stopDataNode(number(words, 1)));
      case "startdn" -> {
        while (!stopped.isEmpty()) cluster.restartDataNode(stopped.remove(0), true);
        cluster.waitActive();
      }
      case "datanodes" -> {
        return Integer.toString(cluster.getDataNodes().size());
      }
      case "mkdirs" -> active().mkdirs(new Path(words[1]));
      case "permission" ->
          active().setPermission(new Path(words[1]), new FsPermission(Short.parseShort(words[2], 8)));
      case "owner" -> active().setOwner(new Path(words[1]), words[2], null);
      case "quota" -> active().setQuota(new Path(words[1]), quota(words[2]), quota(words[3]));
      case "recover" -> {
        return Boolean.toString(active().recoverLease(new Path(words[1])));
      }
      case "leases" ->
          cluster.setLeasePeriod(Long.parseLong(words[1]), Long.parseLong(words[2]));
      default -> throw new IllegalArgumentException("no such command: " + words[0]);
    }
    return "";
  }

  private void activate(int index) throws Exception {
    for (int other = 0; other < cluster.getNumNameNodes(); other++)
      if (other != index
          && cluster.getNameNode(other) != null
          && cluster.getNameNode(other).isActiveState()) cluster.transitionToStandby(other);
    cluster.transitionToActive(index);
  }

  private void stopNameNode(int index) throws Exception {
    // It ends its RPC first, which leaves requests of HTTP without an answer, and then waits a minute for them. A dead one waits for nobody.
    Object http = fieldOf(NameNode.class, "httpServer", cluster.getNameNode(index));
    http = fieldOf(http.getClass(), "httpServer", http);
    Server server = (Server) fieldOf(HttpServer2.class, "webServer", http);
    server.setStopTimeout(STOP_TIMEOUT_MS);
    ((QueuedThreadPool) server.getThreadPool()).setStopTimeout(STOP_TIMEOUT_MS);
    cluster.shutdownNameNode(index);
  }

  private static Object fieldOf(Class<?> type, String name, Object owner) throws Exception {
    Field field = type.getDeclaredField(name);
    field.setAccessible(true);
    return field.get(owner);
  }

  private void startNameNode(int index, boolean wait) throws Exception {
    cluster.restartNameNode(index, wait);
    // It knows where no file lies until the DataNodes have told it what they hold.
    if (wait) cluster.waitFirstBRCompleted(index, START_TIMEOUT_MS);
  }

  private DistributedFileSystem active() throws Exception {
    for (int i = 0; i < cluster.getNumNameNodes(); i++)
      if (cluster.getNameNode(i) != null && cluster.getNameNode(i).isActiveState())
        return cluster.getFileSystem(i);
    throw new IllegalStateException("no NameNode is active");
  }

  private static int number(String[] words, int index) {
    return Integer.parseInt(words[index]);
  }

  private static long quota(String word) {
    return word.equals("none") ? HdfsConstants.QUOTA_RESET : Long.parseLong(word);
  }

  private static int portOf(String ports, int index) {
    return Integer.parseInt(ports.split(":")[index]);
  }
}
