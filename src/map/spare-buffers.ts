/**
 * Where a map leaves its large buffers when it ends, and looks for some before it asks the system: memory that is new to a process costs two to twenty
 * microseconds a page at its first touch, which is most of what a load of small rows costs (docs/decisions/0019-a-load-pays-for-the-memory-it-meets.md).
 */
export interface SpareBuffers {
  /** A buffer of exactly `bytes`, with whatever it held before; undefined if there is none. The caller's from now on. */
  take(bytes: number): ArrayBuffer | undefined
  /** Takes the buffer over. All views of it are empty from now on. */
  give(buffer: ArrayBuffer): void
}

export const NO_SPARE_BUFFERS: SpareBuffers = { take: () => undefined, give: () => undefined }
