// Wraps an object so that every call of its asynchronous methods goes through one function, numbered from 1. The base of all fault
// injection: no method is named here, so none can be forgotten.

export interface NumberedCall {
  /** From 1, in the order the calls were made. */
  readonly index: number
  readonly method: string
  readonly args: readonly unknown[]
}

/** Decides what becomes of one call: `proceed` performs it; not calling it suppresses it. */
export type Around = (call: NumberedCall, proceed: () => Promise<unknown>) => Promise<unknown>

/** Hands out call numbers; several wrapped objects may share one. */
export class CallCounter {
  count = 0
}

export function aroundCalls<T extends object>(
  target: T,
  around: Around,
  counter = new CallCounter(),
): T {
  return new Proxy(target, {
    get(object, property) {
      const member: unknown = Reflect.get(object, property, object)
      if (typeof member !== 'function' || typeof property !== 'string') return member
      return (...args: unknown[]) => {
        const call = { index: ++counter.count, method: property, args }
        // Asynchronous even where `around` throws at once: the methods it stands for are.
        return (async () =>
          around(call, async () => (await Reflect.apply(member, object, args)) as unknown))()
      }
    },
  })
}
