/** The same with a hook that says who is asking, a promise as it would be with a session store, and one middleware. */
import { gateway } from '../../dist/index.js'

export default gateway({
  auth: async ({ headers }) => ({ name: headers['x-user'] ?? 'nobody' }),
  use: [async (_call, next) => next()],
})
