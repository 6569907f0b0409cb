package tidemark.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * bench/memory.ts. The heap after a full collection, less what it was before anything was stored, with the two versions
 * in memory that the HDFS provider keeps; they share rows, not their tables. RocksDB's memory is outside the heap: for
 * it the resident set is the figure, heap that was never given back included.
 */
final class Memory implements SparkBench.Question {
  private static final int WARM_UP_KEYS = 1000;
  private static final int COLLECTIONS_MAX = 20;
  private static final long AGREE_BYTES = 64 * 1024;
  private static final long PAUSE_MS = 100;

  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement)
      throws IOException, InterruptedException {
    int keys = params.number("keys");
    warmUp(stores);
    Store store = stores.open(0, 0);
    long heapBefore = heapBytes();
    long residentBefore = residentBytes();
    store.load(keys);
    measurement.figure("heapBytes", heapBytes() - heapBefore);
    measurement.figure("residentBytes", residentBytes() - residentBefore);

    new UpdateBatches(store, keys, params.number("rewriteRows")).run(params.number("rewrites"));
    measurement.figure("heapAfterRewritesBytes", heapBytes() - heapBefore);
    measurement.figure("residentAfterRewritesBytes", residentBytes() - residentBefore);
    measurement.content(stores.committedContent(store));
  }

  /** What Spark loads and keeps once for all stores is no part of a state's weight. */
  private static void warmUp(Stores stores) {
    Store other = stores.open(1, 0);
    other.load(WARM_UP_KEYS);
    other.content();
    other.close();
  }

  /** Collects until two collections agree: what one finds unreachable, a thread of its own lets go of before the next. */
  private static long heapBytes() throws InterruptedException {
    Runtime runtime = Runtime.getRuntime();
    long last = Long.MAX_VALUE;
    for (int i = 0; i < COLLECTIONS_MAX; i++) {
      System.gc();
      long used = runtime.totalMemory() - runtime.freeMemory();
      if (last - used < AGREE_BYTES) return used;
      last = used;
      Thread.sleep(PAUSE_MS);
    }
    throw new IllegalStateException("The heap shrinks and shrinks: " + last + " bytes after the last collection");
  }

  /** Linux only; 0 elsewhere. */
  private static long residentBytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return 0;
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmRSS:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    }
    return 0;
  }
}
