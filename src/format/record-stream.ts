// The plain record stream of a delta or snapshot: its constants. Writer and reader are the twins record-writer.ts and record-reader.ts.
//
//   put      int32 key length | key | int32 value length | value
//   remove   int32 key length | key | int32 -1                      (deltas only; a reader takes any negative length)
//   end      int32 -1                                                (where a key length would stand)          all big-endian
//
// SPARK: with row checksums a put's value, and a remove's key, begins with a little-endian CRC32C of key and value, or of the key; the
// lengths include its four bytes. The stream does not say whether it has them: the checkpoint's configuration does.

/** On-disk value, never renumber. */
export const END_MARKER = -1
/** On-disk value, never renumber. */
export const REMOVED_LENGTH = -1

export const LENGTH_BYTES = 4
export const ROW_CHECKSUM_BYTES = 4

/**
 * 16 MiB. Keys are held in memory and compared at every look-up, so larger ones are a mistake. It also keeps the first bytes of an
 * uncompressed stream apart from those of every compression, and a damaged length from being believed.
 */
export const KEY_BYTES_MAX = 16 * 1024 * 1024

/** 1 GiB. Spark's own limit is that of a Java array, 2 GiB; half of it still lets a value be assembled and copied in one process. */
export const VALUE_BYTES_MAX = 1024 * 1024 * 1024
