// On what was measured: part of every result.

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '..', '..')

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  readonly v8: string
  /** Of this project; '+' if files were changed since. */
  readonly commit: string
  readonly date: string
  /** Of the npm packages compared. */
  readonly packages: Readonly<Record<string, string>>
}

export async function describeMachine(): Promise<Machine> {
  const packages = ['lmdb', 'classic-level', '@slatedb/uniffi', 'lz4-napi']
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node: process.version,
    v8: process.versions.v8,
    commit: await describeCommit(),
    date: new Date().toISOString().slice(0, 10),
    packages: Object.fromEntries(
      await Promise.all(packages.map(async (name) => [name, await installedVersion(name)])),
    ),
  }
}

async function describeCommit(): Promise<string> {
  try {
    const git = promisify(execFile)
    const { stdout } = await git('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT })
    const changes = await git('git', ['status', '--porcelain', '--', 'src', 'bench/*.ts'], {
      cwd: ROOT,
    })
    return stdout.trim() + (changes.stdout === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}

async function installedVersion(name: string): Promise<string> {
  try {
    const text = await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  } catch {
    return 'not installed'
  }
}
