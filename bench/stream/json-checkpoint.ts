// What is done where there is no store: the whole state as one JSON file, written beside its target and renamed into place.

import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineOptions } from '../harness/engine.ts'

export const JSON_FILE_STANDS_FOR =
  'plain objects in a JS Map; a checkpoint writes the whole Map as JSON, beside its target and renamed'

const FILE_NAME = 'checkpoint.json'

export async function writeJsonCheckpoint(
  { directory, durability }: EngineOptions,
  state: unknown,
): Promise<void> {
  const target = join(directory, FILE_NAME)
  const file = await open(`${target}.tmp`, 'w')
  await file.writeFile(JSON.stringify(state))
  if (durability === 'fsync') await file.sync()
  await file.close()
  await rename(`${target}.tmp`, target)
  if (durability !== 'fsync') return
  const folder = await open(directory)
  await folder.sync()
  await folder.close()
}

/** Undefined if none was written yet. */
export async function readJsonCheckpoint<State>({
  directory,
}: EngineOptions): Promise<State | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, FILE_NAME), 'utf8')) as State
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
