// What the host of the machine takes is read from the system, and what it disturbs is measured again.

import { describe, expect, test } from 'vitest'
import {
  ATTEMPTS_MAX,
  parseProcessorTimes,
  stolenShare,
  undisturbed,
} from '../../../bench/harness/stolen-time.ts'

test('the first line of /proc/stat tells what was busy and what was stolen, waiting and guests aside', () => {
  const stat = 'cpu  100 20 30 4000 500 6 7 80 9 0\ncpu0 50 10 15 2000 250 3 3 40 4 0\n'
  expect(parseProcessorTimes(stat)).toEqual({ busy: 163, stolen: 80 })
  expect(parseProcessorTimes('something else')).toBeUndefined()
})

test('the share is of the time in which there was something to do', () => {
  expect(stolenShare({ busy: 100, stolen: 10 }, { busy: 190, stolen: 20 })).toBe(0.1)
  expect(stolenShare({ busy: 100, stolen: 10 }, { busy: 100, stolen: 10 })).toBe(0)
  expect(stolenShare(undefined, undefined)).toBe(0)
})

describe('a measurement', () => {
  /** Runs one whose attempts are disturbed by these shares; answers which attempt counted. */
  const run = async (shares: readonly number[]) => {
    let attempts = 0
    let calls = 0
    let now = { busy: 0, stolen: 0 }
    const times = async () => {
      if (calls++ % 2 === 1) {
        const share = shares[attempts - 1]
        now = { busy: now.busy + 1000 * (1 - share), stolen: now.stolen + 1000 * share }
      }
      return now
    }
    const found = await undisturbed(async () => ++attempts, undefined, times)
    return { answer: found?.answer, share: Number(found?.stolenShare.toFixed(3)), attempts }
  }

  test('in calm is made once', async () => {
    expect(await run([0.05])).toEqual({ answer: 1, share: 0.05, attempts: 1 })
  })

  test('that was disturbed is made again until one was not', async () => {
    expect(await run([0.3, 0.01])).toEqual({ answer: 2, share: 0.01, attempts: 2 })
  })

  test('ends after some attempts, and the least disturbed one counts', async () => {
    const found = await run([0.3, 0.1, 0.2])
    expect(found).toEqual({ answer: 2, share: 0.1, attempts: ATTEMPTS_MAX })
  })

  test('is made once where the system tells nothing', async () => {
    let attempts = 0
    const found = await undisturbed(
      async () => ++attempts,
      undefined,
      async () => undefined,
    )
    expect(found).toEqual({ answer: 1, stolenShare: 0 })
  })

  test('ends where there is nothing to measure, whatever was measured before', async () => {
    const answers = [1, undefined, 3]
    let calls = 0
    const times = async () => ({ busy: 0, stolen: calls++ })
    expect(await undisturbed(async () => answers.shift(), undefined, times)).toBeUndefined()
    expect(answers).toEqual([3])
  })
})
