/** goms with everything on: input validated by a schema, and an asynchronous handler. */
import * as v from 'valibot'
import { contract, rpc } from '../../dist/index.js'
import * as nodes from './goms-nodes.mjs'
import { methodName, samples } from './payloads.mjs'

/** A schema for values like the sample. */
function schemaOf(sample) {
  if (Array.isArray(sample)) return v.array(schemaOf(sample[0]))
  if (typeof sample === 'object') {
    const fields = Object.entries(sample).map(([name, value]) => [name, schemaOf(value)])
    return v.looseObject(Object.fromEntries(fields))
  }
  return { number: v.number, string: v.string, boolean: v.boolean }[typeof sample]()
}

const Bench = contract('bench', {
  rpc: Object.fromEntries(
    samples.map((sample, i) => {
      const schema = schemaOf(sample)
      return [methodName(i), rpc({ input: schema, output: schema })]
    }),
  ),
})

export const serve = () => nodes.serve(Bench, async (input) => input)
export const open = (port) => nodes.open(port, Bench)
