import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** What a command took, with all that it started. */
export interface Cost {
  /** Wall seconds. */
  wall: number;
  /** Seconds of processors, user and system. */
  cpu: number;
  /** Megabytes that all its processes had in memory at once, at most, as far as a look every 10 ms shows. */
  memory: number;
}

const PAGE = 4096;

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/**
 * Bytes in memory of a process and of all below it; one that ends meanwhile counts as nothing, and so does one that was forked
 * and is no program of its own yet: its pages are its parent's.
 */
function memoryOf(pid: number, parent = ''): number {
  try {
    const program = readlinkSync(`/proc/${pid}/exe`);
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    const own = program === parent ? 0 : pages * PAGE;
    return childrenOf(pid).reduce((sum, child) => sum + memoryOf(child, program), own);
  } catch {
    return 0;
  }
}

/** @throws Error with what the command said when it fails */
export async function measure(
  command: readonly string[],
  environment: Record<string, string>,
): Promise<Cost> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" 2>&1';
  const child = spawn('bash', ['-c', script, 'time', ...command], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let times = '';
  child.stdout.on('data', (text: Buffer) => {
    said = `${said}${text.toString()}`.slice(-4000);
  });
  child.stderr.on('data', (text: Buffer) => {
    times += text.toString();
  });
  let memory = 0;
  const look = setInterval(() => {
    const below = child.pid === undefined ? [] : childrenOfShell(child.pid);
    memory = Math.max(
      memory,
      below.reduce((sum, pid) => sum + memoryOf(pid), 0),
    );
  }, 10);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearInterval(look);
  const [wall = 0, user = 0, system = 0] = times.trim().split(/\s+/).slice(-3).map(Number);
  if (status !== 0) {
    throw new Error(`${command.join(' ').slice(0, 200)}: status ${status}\n${said}${times}`);
  }
  return { wall, cpu: user + system, memory: memory / 1024 ** 2 };
}

function childrenOfShell(pid: number): number[] {
  try {
    return childrenOf(pid);
  } catch {
    return [];
  }
}
