// What `info` tells of the query around the stores: gathered first, whatever of it can be understood, and then set in lines.

import {
  type BatchInfo,
  commitMissing,
  lostCommits,
  lostOffsets,
  offsetsMissing,
} from '../checkpoint/batches.ts'
import type { Checkpoint } from '../checkpoint/checkpoint.ts'
import type { OperatorInfo } from '../checkpoint/operators.ts'
import type { StoreInfo } from '../checkpoint/store-info.ts'
import { isStateStoreError, type StateStoreError } from '../errors.ts'

export interface QueryDescription {
  readonly id: string | undefined
  readonly operators: readonly OperatorInfo[]
  readonly batches: readonly BatchInfo[]
  readonly problems: readonly StateStoreError[]
}

export async function describeQuery(checkpoint: Checkpoint): Promise<QueryDescription> {
  const problems: StateStoreError[] = []
  const attempt = async <T>(look: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await look()
    } catch (error) {
      if (!isStateStoreError(error)) throw error
      problems.push(error)
      return undefined
    }
  }
  const query = await attempt(() => checkpoint.query())
  const onProblem = (problem: StateStoreError): number => problems.push(problem)
  const operators = (await attempt(() => checkpoint.operators(undefined, onProblem))) ?? []
  const batches = (await attempt(() => checkpoint.batches())) ?? []
  const idsOf = (some: readonly BatchInfo[]): number[] => some.map(({ batchId }) => batchId)
  const planned = idsOf(batches.filter(({ offsets }) => offsets !== undefined))
  const committed = idsOf(batches.filter((batch) => batch.committed))
  problems.push(...lostOffsets(planned, committed).map(offsetsMissing))
  problems.push(...lostCommits(planned, committed).map(commitMissing))
  const isSparks = query !== undefined || batches.length > 0
  // Of our own checkpoints the table of stores says all that the folders say.
  const told = operators.filter(({ metadataPath }) => isSparks || metadataPath !== undefined)
  return { id: query?.id, operators: told, batches, problems }
}

export function queryJsonLines({ id, operators, batches, problems }: QueryDescription): string[] {
  return [
    ...(id === undefined ? [] : [{ kind: 'query', id }]),
    ...operators.map((operator) => ({ kind: 'operator', ...operator })),
    ...batches.map((batch) => ({ kind: 'batch', ...batch })),
    ...problems.map(({ code, message, path }) => ({ kind: 'problem', code, message, path })),
  ].map((line) => JSON.stringify(line))
}

export function queryTextLines(
  { id, operators, batches, problems }: QueryDescription,
  stores: readonly StoreInfo[],
): string[] {
  return [
    ...(id === undefined ? [] : [`query ${id}`]),
    ...operators.map(operatorText),
    ...batchTexts(batches, stores),
    ...problems.map(({ code, message }) => `problem: ${code} ${message}`),
  ]
}

function operatorText({ operatorId, operatorName, stores }: OperatorInfo): string {
  const names = stores.map(({ storeName, partitions, prefixColumns = 0 }) => {
    const prefix = prefixColumns > 0 ? `, prefix of ${prefixColumns}` : ''
    return `${storeName} (${partitions} partition${partitions === 1 ? '' : 's'}${prefix})`
  })
  const name = operatorName === undefined ? '' : ` ${operatorName}`
  return `operator ${operatorId}${name}: ${names.join(', ')}`
}

function batchTexts(batches: readonly BatchInfo[], stores: readonly StoreInfo[]): string[] {
  const [first, last] = [batches.at(0), batches.at(-1)]
  if (first === undefined || last === undefined) return []
  const committed = batches.findLast((batch) => batch.committed)
  const done =
    committed === undefined
      ? 'none of them known to be committed'
      : `committed up to ${committed.batchId}`
  const lines = [`batches ${first.batchId} to ${last.batchId}, ${done}`]
  if (last.watermarkMs !== undefined)
    lines.push(`watermark of batch ${last.batchId}: ${timeText(last.watermarkMs)}`)
  if (committed?.nextWatermarkMs !== undefined)
    lines.push(
      `watermark of the batch after ${committed.batchId}: ${timeText(committed.nextWatermarkMs)}`,
    )
  for (const [index, { sourceId, offset }] of (last.offsets ?? []).entries())
    lines.push(`offset of batch ${last.batchId}, source ${sourceId ?? index}: ${offset ?? 'none'}`)
  // Spark's before 2.2 have no commit log, which does not make them uncommitted.
  if (committed === undefined) return lines
  const uncommitted = batches
    .filter((batch) => !batch.committed && batch.batchId > committed.batchId)
    .map(({ batchId }) => batchId)
  if (uncommitted.length > 0)
    lines.push(`not committed, and to be run again: batch ${uncommitted.join(', ')}`)
  return [...lines, ...aboveText(stores, committed.batchId + 1)]
}

/** What stores hold above a version. */
function aboveText(stores: readonly StoreInfo[], version: number): string[] {
  const above = stores.filter(({ newestVersion }) => newestVersion > version)
  if (above.length === 0) return []
  const newest = Math.max(...above.map(({ newestVersion }) => newestVersion))
  return [
    `not committed: ${above.length} of ${stores.length} stores hold versions above ${version}, up to ${newest}`,
  ]
}

function timeText(ms: number): string {
  // Beyond what a Date can hold there are only the milliseconds.
  const date = new Date(ms)
  const text = Number.isNaN(date.getTime()) ? 'beyond the calendar' : date.toISOString()
  return ms === 0 ? 'none yet' : `${text} (${ms} ms)`
}
