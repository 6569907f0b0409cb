package tidemark.bench;

import static tidemark.bench.Measurement.nowMs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import tidemark.bench.Measurement.Samples;

/**
 * bench/recovery.ts. Cold is a new provider, which has nothing of the store in memory and nothing in its own folder; the
 * files are in the page cache, as they are for every engine. The HDFS provider's time holds the copy of the map that
 * each of its stores begins with: no store of it can be read sooner.
 */
final class Recovery implements SparkBench.Question {
  private static final int NEVER = 1_000_000;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) throws Exception {
    int keys = params.number("keys");
    if (!stores.isHdfs()) {
      measurement.standsFor(stores.standsFor() + "; copies and opens its files, and reads no row of them");
    }
    long version = prepare(stores, params, keys);

    int loads = params.number("loads");
    Samples one = timesOfLoads(stores, version, loads, 1);
    copy(stores.folder(0), stores.folder(1));
    Samples two = timesOfLoads(stores, version, loads, 2);

    measurement.figure("recoverMs", one.median());
    measurement.figure("recoverBestMs", one.quantile(0));
    measurement.figure("rowsPerSecond", keys / one.median() * 1000);
    measurement.figure("twoAtOnceMs", two.median());
    measurement.figure("twoAtOnceRowsPerSecond", 2.0 * keys / two.median() * 1000);
    measurement.content(stores.open(0, version).content());
  }

  /** Writes the state, its snapshot and the deltas after it; returns the newest version. */
  private static long prepare(Stores stores, SparkBench.Params params, int keys) {
    // RocksDB decides by this number in a commit, the HDFS provider in its maintenance.
    stores.configure("minDeltasForSnapshot", String.valueOf(NEVER));
    Store store = stores.open(0, 0);
    store.load(keys);
    store.close();

    stores.configure("minDeltasForSnapshot", "0");
    store = stores.open(0, store.version());
    store.begin();
    store.commit();
    store.maintain();
    store.close();

    stores.configure("minDeltasForSnapshot", String.valueOf(NEVER));
    store = stores.open(0, store.version());
    new UpdateBatches(store, keys, params.number("deltaRows")).run(params.number("deltas"));
    store.close();
    return store.version();
  }

  /** A first time is not counted: the code is compiled in it. */
  private static Samples timesOfLoads(Stores stores, long version, int loads, int count) throws Exception {
    Samples times = new Samples();
    timeOfLoads(stores, version, count);
    for (int i = 0; i < loads; i++) times.add(timeOfLoads(stores, version, count));
    return times;
  }

  /** From new providers to stores that can be read, each in a thread of its own. */
  private static double timeOfLoads(Stores stores, long version, int count) throws Exception {
    System.gc();
    ExecutorService threads = Executors.newFixedThreadPool(count);
    try {
      List<Callable<Store>> loads =
          Stream.iterate(0, partition -> partition + 1)
              .limit(count)
              .map(partition -> (Callable<Store>) () -> load(stores, partition, version))
              .toList();
      double started = nowMs();
      List<Future<Store>> loaded = threads.invokeAll(loads);
      double ended = nowMs();
      for (Future<Store> one : loaded) {
        one.get().abort();
        one.get().close();
      }
      return ended - started;
    } finally {
      threads.shutdown();
    }
  }

  private static Store load(Stores stores, int partition, long version) {
    Store store = stores.open(partition, version);
    store.begin();
    return store;
  }

  /** Nothing in the files of a store names its partition. */
  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : (Iterable<Path>) all::iterator) {
        Path target = to.resolve(from.relativize(path));
        if (Files.isDirectory(path)) Files.createDirectories(target);
        else Files.copy(path, target);
      }
    }
  }
}
