/**
 * How much longer than its bar a step may take in a test. Tests find what is broken, on machines that others use too; what
 * a step really takes is measured apart.
 */
export const SLACK = 4
