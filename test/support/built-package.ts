// The examples import 'tidemark', which is dist/. Whoever runs one calls this first: it builds dist/ where it is missing or older than the source.

import { execFile } from 'node:child_process'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const projectFolder = fileURLToPath(new URL('../..', import.meta.url))

export async function ensureBuilt(): Promise<void> {
  const builtMs = await modifiedMs(join(projectFolder, 'dist/index.js'))
  const sources = await readdir(join(projectFolder, 'src'), { recursive: true })
  for (const source of sources.filter((name) => name.endsWith('.ts'))) {
    if ((await modifiedMs(join(projectFolder, 'src', source))) <= builtMs) continue
    console.log(`dist/ is missing or older than src/${source}: building it`)
    await run('npm', ['run', 'build'], { cwd: projectFolder })
    return
  }
}

/** 0 if there is no such file. */
async function modifiedMs(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0
}
