// What a commit cannot be faster than: a file created, written and moved to its name, by nothing but the file manager; or, where nothing is moved,
// written under its name.

import type { CheckpointFileManager } from '../../src/index.ts'
import { nowMs } from '../harness/figures.ts'

const FROM = 'bare/from'
const TO = 'bare/to'

export async function bareWrites(
  files: CheckpointFileManager,
  atOnce: number,
  bytes: number,
): Promise<{
  /** Writes `atOnce` files; milliseconds of each. */
  next(): Promise<number[]>
}> {
  await files.makeDirectories(FROM, 'os')
  await files.makeDirectories(TO, 'os')
  // Not of one value: a proxy or a file system may compress.
  const content = Uint8Array.from({ length: bytes }, (_, i) => (i * i * 31) >>> 3)
  let count = 0
  const one = async (name: string): Promise<number> => {
    const started = nowMs()
    if (files.conditional !== undefined) {
      const upload = await files.conditional.upload(`${TO}/${name}`)
      await upload.write(content)
      const written = await upload.complete('absent')
      if (written !== 'written') throw new Error(`Writing ${name}: ${written}`)
      return nowMs() - started
    }
    const writer = await files.createFile(`${FROM}/${name}`, 'os')
    if (writer === undefined) throw new Error(`${FROM} is gone`)
    await writer.write(content)
    await writer.close()
    const outcome = await files.moveIfAbsent(`${FROM}/${name}`, `${TO}/${name}`, 'os')
    if (outcome !== 'moved') throw new Error(`Moving ${name}: ${outcome}`)
    return nowMs() - started
  }
  return { next: () => Promise.all(Array.from({ length: atOnce }, () => one(String(++count)))) }
}
