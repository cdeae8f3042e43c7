/** How the embedded registry is told apart from etcd: the name of its member, and part of the version that Status tells. */
export const EMBEDDED_NAME = 'goms-embedded'
