// Whether an endpoint honours the conditions that everything rests on, tried with an object that nobody else knows.
//
// Some services answer 200 to a conditional write and overwrite; some honour the conditions of a PUT and not those of a
// CompleteMultipartUpload. With either, two writers would both be told that their commit holds.

import { StateStoreError } from '../../errors.ts'
import type { WriteCondition } from '../file-manager.ts'
import type { S3Objects, WriteOutcome } from './client.ts'

/** Of no object: no MD5 of anything that anybody has. */
const STALE: WriteCondition = { revision: '00000000000000000000000000000000' }

export interface ProbeOptions {
  readonly objects: S3Objects
  /** A name that nobody else uses. */
  readonly path: string
  /** For the message. */
  readonly endpoint: string
  readonly newUploadId: () => string
}

/** UNSUPPORTED unless every condition is honoured. The object is deleted afterwards. */
export async function probeConditions(options: ProbeOptions): Promise<void> {
  const { objects, path } = options
  try {
    await probePut(options)
    await probeComplete(options)
  } finally {
    await objects.remove(path).catch((error: unknown) => {
      // A leftover of a few bytes then. What went wrong with the probe itself says more.
      if (!(error instanceof StateStoreError)) throw error
    })
  }
}

async function probePut(options: ProbeOptions): Promise<void> {
  const { objects, path, newUploadId } = options
  const put = (text: string, condition: WriteCondition): Promise<WriteOutcome> =>
    objects.put(path, new TextEncoder().encode(text), condition, {
      uploadId: newUploadId(),
      doubt: { lost: false },
    })
  expect(options, await put('first', 'absent'), 'written', 'PUT with If-None-Match: *')
  expect(options, await put('second', 'absent'), 'refused', 'PUT with If-None-Match: *')
  expect(options, await put('third', STALE), 'refused', 'PUT with If-Match')
  const found = await objects.stat(path)
  // Not the service's nature: it says that it was there, twice. Somebody between us and it has answered.
  if (found === 'absent' || found.revision === undefined)
    throw new StateStoreError(
      'TIDEMARK_STORAGE_UNAVAILABLE',
      `The S3 service at ${options.endpoint} could not be tried: what was just written there was not to be found. Try again; then check the service and what stands before it.`,
      { path },
    )
  const current = { revision: found.revision }
  expect(options, await put('fourth', current), 'written', 'PUT with If-Match')
  expect(options, await put('fifth', current), 'refused', 'PUT with If-Match')
}

async function probeComplete(options: ProbeOptions): Promise<void> {
  const { objects, path, newUploadId } = options
  const uploadId = newUploadId()
  const multipartId = await objects.beginParts(path, uploadId)
  try {
    const part = await objects.putPart(path, multipartId, 1, new Uint8Array(1))
    const complete = (condition: WriteCondition): Promise<WriteOutcome> =>
      objects.completeParts(path, multipartId, [part], condition, {
        uploadId,
        doubt: { lost: false },
      })
    const name = 'CompleteMultipartUpload'
    expect(options, await complete('absent'), 'refused', `${name} with If-None-Match: *`)
    expect(options, await complete(STALE), 'refused', `${name} with If-Match`)
  } finally {
    await objects.abortParts(objects.keyOf(path), multipartId)
  }
}

function expect(
  options: ProbeOptions,
  found: WriteOutcome,
  expected: 'written' | 'refused',
  what: string,
): void {
  // An answer that was lost says nothing against the service.
  if (found !== expected && found !== 'unclear') throw refused(options, what)
}

function refused({ endpoint }: ProbeOptions, what: string): StateStoreError {
  return new StateStoreError(
    'TIDEMARK_UNSUPPORTED',
    `The S3 service at ${endpoint} does not honour the conditions of writes: ${what} was not answered as S3 answers it. Commits would overwrite each other there, so nothing is written. Use a service that honours conditional writes.`,
  )
}
