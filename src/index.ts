/** goms: the public names. */

// errors
export { GomsError } from './core/errors.ts'
