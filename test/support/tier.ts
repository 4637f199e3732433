/** Whether tests run that boot kernels and download much: `describe.runIf(slow)`. */
export const slow = process.env['LOCKSTEP_TEST_TIER'] === 'all';
