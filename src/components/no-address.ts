/** What a component says that was told of no server. */
import { GomsError } from '../core/errors.ts'

export interface Unaddressed {
  /** Of the component. */
  readonly name: string
  /** Key of the configuration that would have the address, an example of one, and the variable of the environment. */
  readonly setting: readonly [key: string, example: string, variable: string]
  /** What may be written in code instead: `redis({ optional: true })`. */
  readonly instead: string
}

export function noAddress({ name, setting: [key, example, variable], instead }: Unaddressed): GomsError {
  return new GomsError('GOMS_CONFIG_INVALID', `component "${name}": \`${key}\` is missing`, {
    detail: {
      found: 'no address',
      expected: `\`${key}\` in the configuration, or \`url\` in the options of the component`,
      fix: [`${key}: ${example} in configs/config.yml, or ${variable}`, `or ${instead}`],
    },
  })
}
