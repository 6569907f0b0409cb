package tidemark.bench;

import org.apache.spark.sql.catalyst.expressions.UnsafeRow;
import org.apache.spark.unsafe.Platform;

/** The rows and the arithmetic of bench/harness/workload.ts, word for word: a change there is a change here. */
final class Workload {
  static final int KEY_BYTES = 16;
  static final int VALUE_BYTES = 32;

  private static final int SALT = 0x9e3779b9;
  private static final int GOLDEN = 0x9e3779b1;

  private Workload() {}

  static int mix32(int x) {
    x = (x ^ (x >>> 16)) * 0x85ebca6b;
    x = (x ^ (x >>> 13)) * 0xc2b2ae35;
    return x ^ (x >>> 16);
  }

  static final class Random {
    private int state;

    Random(int seed) {
      state = mix32(seed) | 1;
    }

    int below(int bound) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return Integer.remainderUnsigned(state, bound);
    }
  }

  /** Rows made once and filled anew for each batch, outside the timed part: Spark copies what it is given to put. */
  static final class RowBatch {
    final UnsafeRow[] keys;
    final UnsafeRow[] values;

    RowBatch(int size) {
      keys = new UnsafeRow[size];
      values = new UnsafeRow[size];
      for (int i = 0; i < size; i++) {
        keys[i] = row(1, KEY_BYTES);
        values[i] = row(3, VALUE_BYTES);
      }
    }

    int size() {
      return keys.length;
    }

    void set(int i, int n, int stamp) {
      writeKey(keys[i], n);
      writeValue(values[i], n, stamp);
    }
  }

  private static UnsafeRow row(int fields, int bytes) {
    UnsafeRow row = new UnsafeRow(fields);
    row.pointTo(new byte[bytes], bytes);
    return row;
  }

  private static void writeKey(UnsafeRow row, int n) {
    putWord(row, 2, mix32(n));
    putWord(row, 3, mix32(n ^ SALT));
  }

  private static void writeValue(UnsafeRow row, int n, int stamp) {
    putWord(row, 2, stamp);
    putWord(row, 4, n);
    putWord(row, 6, mix32(n + stamp * GOLDEN));
    putWord(row, 7, mix32(n - stamp));
  }

  private static void putWord(UnsafeRow row, int index, int word) {
    Platform.putInt(row.getBaseObject(), row.getBaseOffset() + 4L * index, word);
  }

  private static int word(UnsafeRow row, int index) {
    return Platform.getInt(row.getBaseObject(), row.getBaseOffset() + 4L * index);
  }

  /** The `n` a value was made from. */
  static int numberOf(UnsafeRow value) {
    return word(value, 4);
  }

  /** Adds up rows, in any order. Little-endian machines only, as the JavaScript side. */
  static final class ContentSum {
    private long rows;
    private int low;
    private int high;

    void add(UnsafeRow key, UnsafeRow value) {
      int hash = hashRow(hashRow(0x811c9dc5, key), value);
      rows++;
      low += mix32(hash);
      high += mix32(hash ^ SALT);
    }

    long rows() {
      return rows;
    }

    String checksum() {
      return String.format("%08x%08x", high, low);
    }

    private static int hashRow(int hash, UnsafeRow row) {
      int size = row.getSizeInBytes();
      if (size % 4 != 0) throw new IllegalStateException("Expected an UnsafeRow of whole words, got " + size + " bytes");
      hash = hashStep(hash, size);
      for (int i = 0; i < size / 4; i++) hash = hashStep(hash, word(row, i));
      return hash;
    }

    private static int hashStep(int hash, int word) {
      hash = (hash ^ word) * 0x01000193;
      return hash ^ (hash >>> 15);
    }
  }
}
