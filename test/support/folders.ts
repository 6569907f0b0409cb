// Where tests put checkpoints on a real file system.

import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/**
 * A folder of a file system that lives in memory, if there is one: links, renames and folders are the kernel's own, and syncing costs nothing. For
 * tests about the order of such calls that make thousands of them.
 */
export function memoryBackedFolder(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
}
