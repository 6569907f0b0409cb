// What Python cannot reach: flatMapGroupsWithState, and a codec that compresses nothing. Compiled with the compiler among Spark's own jars.
package tidemark.interop

import java.io.{InputStream, OutputStream}
import java.sql.Timestamp
import org.apache.spark.SparkConf
import org.apache.spark.io.CompressionCodec
import org.apache.spark.sql.{DataFrame, Dataset}
import org.apache.spark.sql.streaming.{GroupState, GroupStateTimeout, OutputMode}

case class Event(k: String, v: Long, ts: Timestamp)
case class Running(count: Long, sum: Long, recent: Seq[Long], note: Option[String])
case class Report(k: String, count: Long, sum: Long, expired: Boolean)

object Shapes {
  /** Counts and sums by key; a key that is silent for 30 seconds of event time is reported and forgotten. */
  def flatMapGroups(events: DataFrame): DataFrame = {
    val spark = events.sparkSession
    import spark.implicits._
    events
      .as[Event]
      .groupByKey(_.k)
      .flatMapGroupsWithState[Running, Report](OutputMode.Update, GroupStateTimeout.EventTimeTimeout)(advance)
      .toDF()
  }

  private def advance(k: String, events: Iterator[Event], state: GroupState[Running]): Iterator[Report] = {
    val before = state.getOption.getOrElse(Running(0, 0, Nil, None))
    if (state.hasTimedOut) {
      state.remove()
      return Iterator(Report(k, before.count, before.sum, expired = true))
    }
    val seen = events.toSeq.sortBy(event => (event.ts.getTime, event.v))
    val after = Running(
      before.count + seen.size,
      before.sum + seen.map(_.v).sum,
      (before.recent ++ seen.map(_.v)).takeRight(3),
      if (seen.size > 2) Some("burst of " + seen.size) else None
    )
    state.update(after)
    val last = Math.max(seen.map(_.ts.getTime).max, state.getCurrentWatermarkMs())
    state.setTimeoutTimestamp(last + 30000)
    Iterator(Report(k, after.count, after.sum, expired = false))
  }
}

class IdentityCodec(conf: SparkConf) extends CompressionCodec {
  override def compressedOutputStream(stream: OutputStream): OutputStream = stream
  override def compressedInputStream(stream: InputStream): InputStream = stream
}
