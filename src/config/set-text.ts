/** Shared routes as a file that can be saved, changed and pushed again. Loads YAML: by who shows them only. */
import { Document, isMap } from 'yaml'
import { SHARED_KEYS, type SharedSet } from './shared-set.ts'

/** YAML; a route in one line, as people write them. */
export function toYaml(set: SharedSet): string {
  const known = Object.fromEntries(SHARED_KEYS.map((key) => [key, set[key]]).filter(([, value]) => value !== undefined))
  const doc = new Document(known)
  const services = doc.get('services')
  for (const service of isMap(services) ? services.items : []) {
    for (const action of isMap(service.value) ? service.value.items : []) {
      if (isMap(action.value)) action.value.flow = true
    }
  }
  return doc.toString({ lineWidth: 0 })
}
