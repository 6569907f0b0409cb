// System calls that fail when told: the N-th with an errno, every one from the N-th on, or by writing less than asked. Put between
// LocalFileManager and the real disk or a MemoryDisk, it makes the code under test the real one.

import type { NativeFiles } from '../../src/files/local-native.ts'
import { aroundCalls, type NumberedCall } from '../../src/testing/around-calls.ts'

export interface NativeFault {
  /** Which call, from 1; with `method`, which of that method. */
  readonly at: number
  readonly method?: keyof NativeFiles
  /** As in `ENOSPC`. */
  readonly errno: string
  /** 'after': the call took effect, and then failed all the same. Default 'before'. */
  readonly when?: 'before' | 'after'
  /** Whether all later calls fail too, but for closing. Default false. */
  readonly lasts?: boolean
}

export interface FaultyFiles {
  readonly native: NativeFiles
  /** Every call made, for counting them in a first pass and for naming them in messages. */
  readonly calls: NumberedCall[]
  /** Ends a lasting fault. */
  heal(): void
}

export function faultyFiles(inner: NativeFiles, fault?: NativeFault): FaultyFiles {
  const calls: NumberedCall[] = []
  let healed = false
  let seen = 0
  const native = aroundCalls(inner, async (call, proceed) => {
    calls.push(call)
    if (fault === undefined || healed || (fault.method ?? call.method) !== call.method)
      return proceed()
    seen++
    const hit = seen === fault.at || (fault.lasts === true && seen > fault.at)
    if (!hit || (seen > fault.at && call.method === 'close')) return proceed()
    // A close that fails has closed all the same, and an open that fails leaves no descriptor behind, though perhaps a file.
    if (fault.when === 'after' || call.method === 'close') {
      const result = await proceed()
      if (call.method.startsWith('open')) await inner.close(result as number)
    }
    throw errnoError(fault.errno, call)
  })
  return { native, calls, heal: () => (healed = true) }
}

/** Writes at most `bytesMax` of what it is given each time, as a disk may. */
export function shortWrites(inner: NativeFiles, bytesMax: number): NativeFiles {
  return aroundCalls(inner, async (call, proceed) => {
    if (call.method !== 'write') return proceed()
    const [descriptor, chunk, position] = call.args as [number, Uint8Array, number]
    return inner.write(descriptor, chunk.subarray(0, bytesMax), position)
  })
}

export function errnoError(errno: string, call: NumberedCall): Error {
  return Object.assign(new Error(`${errno}: injected into ${call.method}, call ${call.index}`), {
    code: errno,
    syscall: call.method,
  })
}
