/** goms/testing: a mesh in one process for the tests of services. */

export type { Fault, FaultOptions } from './faults.ts'
export { type MockedComponent, mock } from './mock.ts'
export { type ClientIdentity, type TestMesh, type TestMeshOptions, testMesh } from './test-mesh.ts'
