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
  @Override
  public void measure(Stores stores, SparkBench.Params params, Measurement measurement) throws IOException {
    int keys = params.number("keys");
    Store store = stores.open(0, 0);
    store.begin();
    store.abort();
    long heapBefore = heapBytes();
    long residentBefore = residentBytes();
    store.load(keys);
    measurement.figure("heapBytes", heapBytes() - heapBefore);
    measurement.figure("residentBytes", residentBytes() - residentBefore);

    new UpdateBatches(store, keys, params.number("rewriteRows")).run(params.number("rewrites"));
    measurement.figure("heapAfterRewritesBytes", heapBytes() - heapBefore);
    measurement.figure("residentAfterRewritesBytes", residentBytes() - residentBefore);
    measurement.content(store.content());
  }

  private static long heapBytes() {
    System.gc();
    System.gc();
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
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
