/** Sends the page of metrics slice by slice: whatever its length, calls go on between two of them. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { PAGE_TYPE } from '../telemetry/metrics-page.ts'

/** Never rejects: whoever asked may have gone. */
export async function sendMetrics(page: () => Promise<Iterable<string>>, res: ServerResponse): Promise<void> {
  try {
    const slices = await page()
    res.writeHead(200, { 'Content-Type': PAGE_TYPE, 'Cache-Control': 'no-store' })
    for (const slice of slices) {
      if (res.destroyed) return
      if (!res.write(slice)) await Promise.race([once(res, 'drain'), once(res, 'close')])
      await setImmediate()
    }
    res.end()
  } catch {
    res.destroy()
  }
}
