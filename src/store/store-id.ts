// Which store: its id, and every path below the checkpoint location that follows from it.
//
//   state/<operator>/<partition>[/<name>]            deltas and snapshots, and nothing else of ours (SPARK: a stray x.y there stops its maintenance)
//   _tidemark/writers/<operator>/<partition>/<name>  one claim per generation
//   _tidemark/staging/<operator>/<partition>/<name>  one folder per living generation

import { describeValue } from '../base/describe-value.ts'
import { joinPath } from '../files/file-manager.ts'
import { StateStoreError } from '../errors.ts'

/** Names one store of a checkpoint: Spark's StateStoreId without the location. */
export interface StoreId {
  /** Whole number, 0 or more. */
  readonly operatorId: number
  /** Whole number, 0 or more. */
  readonly partitionId: number
  /** Default 'default'. 1 to 128 of A-Z a-z 0-9 . _ - $, beginning with a letter, a digit or $, not ending with a dot, and not the name of a state file. */
  readonly storeName?: string
}

export type ResolvedStoreId = Required<StoreId>

/** SPARK: stores of this name lie in the partition folder itself, as before Spark 2.3; others in a folder of their own. */
export const DEFAULT_STORE_NAME = 'default'

const STORE_NAME = /^[A-Za-z0-9$][A-Za-z0-9._$-]{0,127}$/
// A folder of such a name beside the partition's own deltas would stand where a file belongs.
const STATE_FILE_NAME = /^\d+\.(delta|snapshot)(\.crc)?$/i

const MEMBERS: readonly string[] = [
  'operatorId',
  'partitionId',
  'storeName',
] satisfies (keyof StoreId)[]

/** The id with its defaults, or INVALID_OPTIONS naming the field that is wrong, or that stands where `storeName` might: whoever writes `name` would else share the default store. */
export function resolveStoreId(id: StoreId): ResolvedStoreId {
  if (typeof id !== 'object' || id === null) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected the store id to be an object, got ${describeValue(id)}`,
    )
  }
  // With a name it may be any object that is a store id among others.
  const stranger = id.storeName === undefined && Object.entries(id).find(isStranger)
  if (stranger) {
    const [name] = stranger
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Unknown member \`${name}\` of the store id; its members are ${MEMBERS.join(', ')}`,
    )
  }
  const { operatorId, partitionId, storeName = DEFAULT_STORE_NAME } = id
  checkNumber('operatorId', operatorId)
  checkNumber('partitionId', partitionId)
  if (
    typeof storeName !== 'string' ||
    !STORE_NAME.test(storeName) ||
    storeName.endsWith('.') ||
    STATE_FILE_NAME.test(storeName)
  ) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected \`storeName\` to be 1 to 128 of the characters A-Z a-z 0-9 . _ - $, beginning with a letter, a digit or $, not ending with a dot, and not a file name ` +
        `such as 1.delta, got ${describeValue(storeName)}`,
    )
  }
  return Object.freeze({ operatorId, partitionId, storeName })
}

function isStranger([name, value]: [string, unknown]): boolean {
  return value !== undefined && !MEMBERS.includes(name)
}

function checkNumber(field: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new StateStoreError(
      'TIDEMARK_INVALID_OPTIONS',
      `Expected \`${field}\` to be a whole number, 0 or more, got ${describeValue(value)}`,
    )
  }
}

/** operator/partition/name, for messages and channels. */
export function storeIdText(id: ResolvedStoreId): string {
  return `${id.operatorId}/${id.partitionId}/${id.storeName}`
}

export function storeDirectory(id: ResolvedStoreId): string {
  const partition = joinPath('state', String(id.operatorId), String(id.partitionId))
  return id.storeName === DEFAULT_STORE_NAME ? partition : joinPath(partition, id.storeName)
}

export function writersDirectory(id: ResolvedStoreId): string {
  return joinPath('_tidemark', 'writers', ...segments(id))
}

export function stagingDirectory(id: ResolvedStoreId): string {
  return joinPath('_tidemark', 'staging', ...segments(id))
}

function segments(id: ResolvedStoreId): string[] {
  return [String(id.operatorId), String(id.partitionId), id.storeName]
}
