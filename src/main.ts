#!/usr/bin/env node
import { runCommand } from './cli/command.ts';
import { commands } from './cli/index.ts';
import { processEnvironment } from './config.ts';

const io = {
  say: (text: string) => void process.stdout.write(`${text}\n`),
  json: (value: unknown) => void process.stdout.write(`${JSON.stringify(value)}\n`),
  note: (text: string) => void process.stderr.write(`${text}\n`),
  env: processEnvironment(),
};

// Whoever reads only the first lines has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCommand(commands, process.argv.slice(2), io);
// A keep-alive socket or an idle pool must not keep a finished command alive.
if (process.exitCode !== undefined) setTimeout(() => process.exit(), 500).unref();
