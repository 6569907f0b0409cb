/** What `promise` comes to, or the signal's reason if that comes first. What the promise stands for goes on either way. */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await promise
  if (signal.aborted) promise.catch(() => undefined)
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const stopWaiting = (): void => aborted.reject(signal.reason as Error)
  signal.addEventListener('abort', stopWaiting, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', stopWaiting)
  }
}
