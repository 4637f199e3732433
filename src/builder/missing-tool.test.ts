import { expect, test } from 'vitest';
import { missingTool } from './missing-tool.ts';

test.each([
  [
    'configure: line 12: pkg-config: command not found',
    "pkg-config is missing: add pkg-config to the module's buildPackages",
  ],
  [
    'make[2]: bison: No such file or directory',
    "bison is missing: add bison to the module's buildPackages",
  ],
  [
    '/bin/sh: 1: frobnicate: not found',
    "frobnicate is missing: add the package that brings frobnicate to the module's buildPackages",
  ],
  [
    'libipt_NETFLOW.c:26:10: fatal error: xtables.h: No such file or directory',
    "xtables.h is missing: add libxtables-dev to the module's buildPackages",
  ],
])('a log that says %s', (line, said) => {
  expect(missingTool(`# make\n${line}\nmake: *** [all] Error 127\n`)).toBe(said);
});

test.each([
  'x.c:1:10: fatal error: linux/no.h: No such file or directory',
  "x.c:3:2: error: implicit declaration of function 'strlcpy'",
  "make[1]: *** No rule to make target 'x.o'.  Stop.",
  'checking for frob... not found',
])('a log that says something else: %s', (line) => {
  expect(missingTool(`${line}\n`)).toBeUndefined();
});
