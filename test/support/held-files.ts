// The manager of a checkpoint whose smallest steps an Interrupter counts, and stops this process before one of them: on local disk the system
// calls; over HTTP the requests, and the writes and closes of files, since one request carries the whole of a file's bytes.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import type { CheckpointFileManager, FileWriter } from '../../src/files/file-manager.ts'
import { systemFiles } from '../../src/files/local-native.ts'
import { LocalFileManager } from '../../src/index.ts'
import { aroundCalls } from '../../src/testing/around-calls.ts'
import { openFiles } from './proof-storage.ts'
import type { Interrupter } from './zombie.ts'

/** Node tells it of each request at the moment it is made, before a byte is sent; so it sees those of any client. */
const REQUESTS = 'http.client.request.created'

let unfollow: () => void = () => undefined

/** Counts for one manager at a time in this process: the last one opened. */
export async function openHeld(
  location: string,
  interrupter: Interrupter,
): Promise<CheckpointFileManager> {
  unfollow()
  if (!/^(s?webhdfs|s3):/.test(location)) {
    const native = aroundCalls(systemFiles, interrupter.around)
    return await LocalFileManager.open(location, { native })
  }
  const follow = (message: unknown): void => {
    const { method, path } = (message as { request: ClientRequest }).request
    interrupter.note(`${method} ${path}`)
  }
  subscribe(REQUESTS, follow)
  unfollow = () => unsubscribe(REQUESTS, follow)
  return aroundCalls(await openFiles(location), async (call, proceed) => {
    const result = await proceed()
    if (call.method !== 'createFile' || result === undefined) return result
    return aroundCalls(result as FileWriter, interrupter.around)
  })
}
