// checkSelection, checkOverrides — what a caller selects with and how rows are to be read, looked at once, where it comes in: a name that is misspelt
// would else select everything, or misread it.
//
// Only the arguments by themselves: a wrong name or type is TypeError, a number out of range RangeError. Whether what is selected is there, and whether
// members may stand together, is for the readers to say.

import { checkWhole, refused, shown } from './read-plan.ts'
import type { RowSettingsOverrides } from './spark-settings.ts'
import type { CheckedSelection, StoreSelection } from './store-selection.ts'
import { isRecord } from './versioned-text.ts'

type Check = (name: string, value: unknown) => void
type Members = Readonly<Record<string, Check>>

const STORE: Members = {
  operatorId: checkWhole,
  partition: checkWhole,
  partitionId: checkWhole,
  storeName: checkText,
}
const AT_VERSION: Members = { version: checkWhole, batchId: checkWhole }
const READ: Members = { ...STORE, joinSide: oneOf('left', 'right') }
const ROWS: Members = {
  ...READ,
  ...AT_VERSION,
  snapshotBatchId: checkWhole,
  signal: checkSignal,
}

const ROW_SETTINGS: Members = { rowChecksums: checkBoolean, floorValues: checkBoolean }

/** What each way of reading takes, and how it is checked. */
const MEMBERS = {
  stores: STORE,
  rows: ROWS,
  rawRows: { ...ROWS, order: oneOf('key') },
  changes: { ...STORE, from: checkWhole, to: checkWhole, signal: checkSignal },
  differences: { ...READ, from: checkAtVersion, to: checkAtVersion, signal: checkSignal },
  verify: {
    ...STORE,
    version: checkWhole,
    signal: checkSignal,
    ...ROW_SETTINGS,
  },
} as const satisfies Record<string, Members>

/** What cannot be left out. */
const NEEDED: { readonly [Reading in keyof typeof MEMBERS]?: readonly string[] } = {
  changes: ['from'],
  differences: ['from', 'to'],
}

const WHAT_IS_NEEDED: Readonly<Record<string, string>> = {
  changes: 'the first batch, a whole number',
  differences: '{ batchId } or { version }, or {} for the last committed batch',
}

/** `selection` with the partition under one name. TypeError, RangeError; INVALID_OPTIONS for two partitions. */
export function checkSelection<Selection extends StoreSelection>(
  reading: keyof typeof MEMBERS,
  selection: Selection,
): CheckedSelection<Selection> {
  const given = checkMembers('the selection', MEMBERS[reading], selection)
  for (const name of NEEDED[reading] ?? [])
    if (given[name] === undefined)
      throw new TypeError(`Expected \`${name}\`, ${WHAT_IS_NEEDED[reading]}, got undefined`)
  const { partition, ...rest } = selection
  const { partitionId = partition } = rest
  if (partition !== undefined && partition !== partitionId)
    throw refused(
      `Expected \`partition\` or \`partitionId\`, which are the same, got ${partition} and ${partitionId}`,
    )
  return partitionId === undefined ? rest : { ...rest, partitionId }
}

/** TypeError for what is no override of how rows are read. */
export function checkOverrides(overrides: RowSettingsOverrides): void {
  checkMembers('the overrides', ROW_SETTINGS, overrides)
}

function checkMembers(
  what: string,
  members: Members,
  value: unknown,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(members)
  if (!isRecord(value))
    throw new TypeError(`Expected ${what} to be an object of ${listed(names)}, got ${shown(value)}`)
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const check = names.includes(name) ? members[name] : undefined
    if (check === undefined)
      throw new TypeError(
        `Expected the members of ${what} to be among ${listed(names)}, got \`${name}\``,
      )
    check(name, member)
  }
  return value
}

function checkAtVersion(name: string, value: unknown): void {
  checkMembers(`\`${name}\``, AT_VERSION, value)
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value)
}

function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value)
}

function checkSignal(name: string, value: unknown): void {
  if (!(value instanceof AbortSignal)) throw wrongType(name, 'an AbortSignal', value)
}

function oneOf(...allowed: readonly string[]): Check {
  return (name, value) => {
    if (allowed.some((text) => text === value)) return
    const wanted = allowed.map((text) => `'${text}'`).join(' or ')
    throw wrongType(name, wanted, value)
  }
}

function wrongType(name: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`Expected \`${name}\` to be ${wanted}, got ${shown(value)}`)
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}
