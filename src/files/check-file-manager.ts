// What stands in the place of a location and is no text: a file manager, or a mistake that would else show much later, as a method that is missing.

import { types } from 'node:util'
import type { CheckpointFileManager } from './file-manager.ts'

/** The calls that every file manager has. */
const CALLS: Readonly<Record<RequiredCall, true>> = {
  stat: true,
  list: true,
  read: true,
  createExclusive: true,
  createFile: true,
  moveIfAbsent: true,
  moveReplacing: true,
  deleteFile: true,
  deleteTree: true,
  moveDirectory: true,
  makeDirectory: true,
  makeDirectories: true,
  syncDirectory: true,
}
type RequiredCall = Exclude<
  keyof CheckpointFileManager,
  'location' | 'capabilities' | 'conditional' | 'makeLabelledDirectory' | 'probeMove'
>

/** Returns `value` if it is a file manager; else TypeError, saying what to pass instead. */
export function checkFileManager(value: unknown): CheckpointFileManager {
  const isObject = typeof value === 'object' && value !== null
  const missing = isObject ? Object.keys(CALLS).filter((call) => !hasCall(value, call)) : []
  if (isObject && missing.length === 0) return value as CheckpointFileManager
  throw new TypeError(
    `Expected \`location\` to be a string or a file manager, got ${whatItIs(value, missing)}`,
  )
}

function whatItIs(value: unknown, missing: readonly string[]): string {
  if (value instanceof URL) return `a URL; pass its \`href\`, ${value.href}`
  if (types.isPromise(value)) return 'a promise; await it, as `await LocalFileManager.open(…)`'
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return `an object without ${missing.map((call) => `\`${call}\``).join(', ')}`
}

function hasCall(value: object, call: string): boolean {
  return typeof (value as Readonly<Record<string, unknown>>)[call] === 'function'
}
