import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { createMemoryKv } from '../registry/memory-kv.ts'
import { createStore } from '../registry/store.ts'
import { describeBroker } from './broker.suite.ts'
import type { Broker } from './broker.ts'
import { createKvBroker } from './kv-broker.ts'

describeBroker('the store of events', async () => {
  const store = createStore({ clock: systemClock })
  const brokers: Broker[] = []
  return {
    async open() {
      const kv = createMemoryKv(store)
      const broker = await createKvBroker(kv, { project: 'shop', clock: systemClock, log: silentLog })
      brokers.push(broker)
      return broker
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.close()))
      store.close()
    },
  }
})
