// Fills a folder once, however many processes ask for it at the same moment: the others wait.

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The last thing that is written. */
const MARKER = 'installed'
const WAIT_STEP_MS = 250

/** Fills `folder` by `fill` unless that was done, and lets only one process do it; the marker is written when it is whole. */
export async function fillOnce(folder: string, fill: () => Promise<void>): Promise<void> {
  const marker = join(folder, MARKER)
  const lock = `${folder}.lock`
  await mkdir(join(folder, '..'), { recursive: true })
  while (!existsSync(marker)) {
    if (!(await take(lock))) {
      await sleep(WAIT_STEP_MS)
      continue
    }
    try {
      if (existsSync(marker)) return
      // What is left of an installation that was interrupted.
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder)
      await fill()
      await writeFile(marker, '')
    } finally {
      await rm(lock, { force: true })
    }
  }
}

/** True if the lock is ours now. That of a process which is no more is removed. */
async function take(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const owner = await readFile(lock, 'utf8').catch(() => '')
  if (owner !== '' && !isAlive(Number(owner))) {
    // Moved before it is removed: of several who find it, one does.
    const away = `${lock}.${process.pid}`
    await rename(lock, away).catch(() => undefined)
    await rm(away, { force: true })
  }
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
