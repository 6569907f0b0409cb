// Writer A of zombie.ts in a process of its own, which stops itself before its N-th operation.

import { stopProcess } from '../../src/testing/counting-files.ts'
import { openHeld } from './held-files.ts'
import { serve } from './processes.ts'
import { Interrupter, type Scenario, Zombie } from './zombie.ts'

let zombie: Zombie | undefined
let interrupter = new Interrupter()

serve({
  arrange: async ({ location, scenario }: { location: string; scenario: Scenario }) => {
    interrupter = new Interrupter()
    zombie = await Zombie.arrange(await openHeld(location, interrupter), scenario)
  },
  act: async (at: number | undefined) => {
    interrupter.arm(at, stopProcess)
    return await zombie!.act()
  },
  calls: () => interrupter.calls,
  goOn: () => {
    interrupter.disarm()
    return zombie!.goOn()
  },
  close: () => zombie!.close(),
})
