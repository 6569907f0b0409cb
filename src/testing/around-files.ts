import type { CheckpointFileManager } from '../files/file-manager.ts'
import { type Around, aroundCalls, CallCounter } from './around-calls.ts'

/** The calls that hand out something with calls of its own: a writer, an upload. */
const HANDS_OUT = new Set(['createFile', 'upload'])

/** As aroundCalls, all of a file manager: also the writers and uploads that it hands out, and its conditional writes. */
export function aroundFiles(inner: CheckpointFileManager, around: Around): CheckpointFileManager {
  const counter = new CallCounter()
  const through: Around = async (call, proceed) => {
    const result = await around(call, proceed)
    const isHandedOut = HANDS_OUT.has(call.method) && typeof result === 'object' && result !== null
    return isHandedOut ? aroundCalls(result, through, counter) : result
  }
  const files = aroundCalls(inner, through, counter)
  if (inner.conditional === undefined) return files
  const conditional = aroundCalls(inner.conditional, through, counter)
  return new Proxy(files, {
    get: (target, property): unknown =>
      property === 'conditional' ? conditional : Reflect.get(target, property, target),
  })
}
