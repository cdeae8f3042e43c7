export async function measureLocal() {
  return undefined
}
