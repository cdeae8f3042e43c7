/** The gateway as its author writes it; workers load it from here. */
import { gateway } from '../../dist/index.js'

export default gateway()
