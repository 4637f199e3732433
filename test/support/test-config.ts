import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** A configuration for the newest cloud kernel; any part can be another one. */
export interface TestConfig {
  state?: string;
  repository?: Record<string, unknown>;
  archive?: Record<string, unknown>;
  /** In the place of the one archive. */
  archives?: readonly Record<string, unknown>[];
  kernels?: Record<string, unknown>;
  /** Packages, or whole entries. */
  modules?: readonly (string | Record<string, unknown>)[];
  more?: Record<string, unknown>;
}

/** Writes a configuration (JSON is YAML) into a folder. @returns its path */
export async function writeConfig(folder: string, config: TestConfig): Promise<string> {
  const file = path.join(folder, 'lockstep.yaml');
  const content = {
    repository: { origin: 'Test Modules', directory: 'repository', ...config.repository },
    state: config.state ?? 'state',
    archives: config.archives ?? [{ suites: ['trixie'], ...config.archive }],
    kernels: { flavours: ['cloud-amd64'], ...config.kernels },
    modules: (config.modules ?? ['acpi-call-dkms']).map((entry) =>
      typeof entry === 'string' ? { package: entry } : entry,
    ),
    ...config.more,
  };
  await fs.mkdir(folder, { recursive: true });
  await fs.writeFile(file, `${JSON.stringify(content, undefined, 2)}\n`);
  return file;
}
