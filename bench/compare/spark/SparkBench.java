package tidemark.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One question of the suite, answered once by one of Spark's own state store providers, in a JVM of its own.
 *
 * <pre>SparkBench QUESTION ENGINE PARAMS-AS-JSON</pre>
 *
 * The parameters are those of the question's file in bench/, and `directory`, an empty folder. The last line of
 * stdout is a Measurement. The order of operations, the rows and the random numbers are those of the question's file,
 * so that the content in the end is the oracle's.
 */
final class SparkBench {
  private SparkBench() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 3) {
      throw new IllegalArgumentException(
          "Expected a question, an engine and parameters as JSON, got " + args.length + " arguments");
    }
    Params params = new Params(new ObjectMapper().readTree(args[2]));
    if (!params.text("durability").equals("os")) {
      throw new IllegalArgumentException("Spark syncs nothing to the disk: it answers with durability 'os' only");
    }
    Path directory = Path.of(params.text("directory"));
    // RocksDB works on local files and copies them into the checkpoint: both on the disk that was asked for.
    System.setProperty("spark.local.dir", Files.createDirectories(directory.resolve("local")).toString());

    Stores stores = new Stores(args[1], directory.resolve("checkpoint"));
    Measurement measurement = new Measurement();
    measurement.standsFor(stores.standsFor());
    question(args[0]).measure(stores, params, measurement);
    System.out.println(measurement.json());
    System.out.flush();
    // Spark's providers leave threads behind that would keep the process alive, and what runs at an orderly exit can wait for RocksDB for minutes and end
    // in bad_alloc: seen with changelog and a million keys, after everything had been measured.
    Runtime.getRuntime().halt(0);
  }

  private static Question question(String name) {
    return switch (name) {
      case "basic-operations" -> new BasicOperations();
      case "commit-latency" -> new CommitLatency();
      case "throughput" -> new Throughput();
      case "recovery" -> new Recovery();
      case "memory" -> new Memory();
      case "interference" -> new Interference();
      default -> throw new IllegalArgumentException("Spark does not answer the question " + name);
    };
  }

  interface Question {
    void measure(Stores stores, Params params, Measurement measurement) throws Exception;
  }

  /** A parameter that is missing is an error: a default here would be another question than the one that was asked. */
  record Params(JsonNode node) {
    int number(String name) {
      return get(name).asInt();
    }

    String text(String name) {
      return get(name).asText();
    }

    private JsonNode get(String name) {
      JsonNode value = node.get(name);
      if (value == null) throw new IllegalArgumentException("Expected a parameter " + name + ", got " + node);
      return value;
    }
  }
}
