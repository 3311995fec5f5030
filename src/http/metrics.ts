import type { IncomingMessage, ServerResponse } from 'node:http';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { sameText } from '../secrets.ts';
import type { Served } from './log.ts';

export interface Metrics {
  registry: Registry;
  request(served: Served): void;
  /** A poll: the document's kind, e.g. `updates.xml`, and the verdict's code. Unknown products count as document `unknown`. */
  poll(document: string, code: string): void;
  job(kind: string, outcome: 'done' | 'retried' | 'failed', seconds: number): void;
  ingestProblem(code: string): void;
  /** One group commit: how many rows it wrote and how long it took. */
  commit(rows: number, seconds: number): void;
  /** Events of payment providers by what became of them, e.g. `received`, `done`, `retried`. */
  paymentEvent(provider: string, outcome: string, howMany?: number): void;
}

export interface MetricsOptions {
  /** The process's own numbers (memory, event loop, collections) too. */
  process: boolean;
}

/**
 * The numbers of one process in a registry of its own. Labels are closed lists of ours (patterns, codes, kinds): never a key, a
 * site, a customer or an id.
 */
export function makeMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (options.process) collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'feedgate_http_requests_total',
    help: 'Answered requests by method, route pattern and status class',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'feedgate_http_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  });
  const polls = new Counter({
    name: 'feedgate_polls_total',
    help: 'Polls by document and verdict code',
    labelNames: ['document', 'code'] as const,
    registers,
  });
  const jobSeconds = new Histogram({
    name: 'feedgate_job_seconds',
    help: 'Runs of jobs by kind and outcome',
    labelNames: ['kind', 'outcome'] as const,
    buckets: [0.01, 0.1, 1, 10, 60, 300],
    registers,
  });
  const problems = new Counter({
    name: 'feedgate_ingest_problems_total',
    help: 'Problems found in releases',
    labelNames: ['code'] as const,
    registers,
  });
  const commitRows = new Histogram({
    name: 'feedgate_commit_rows',
    help: 'Rows in one group commit',
    buckets: [1, 4, 16, 64, 256, 1_024, 4_096],
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'feedgate_commit_seconds',
    help: 'Time of one group commit',
    buckets: [0.0005, 0.002, 0.01, 0.05, 0.25, 1, 5],
    registers,
  });
  const paymentEvents = new Counter({
    name: 'feedgate_payment_events_total',
    help: 'Events of payment providers by provider and outcome',
    labelNames: ['provider', 'outcome'] as const,
    registers,
  });
  return {
    registry,
    request({ method, route, status, seconds }) {
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
      requestSeconds.observe({ route }, seconds);
    },
    poll: (document, code) => polls.inc({ document, code }),
    job: (kind, outcome, seconds) => jobSeconds.observe({ kind, outcome }, seconds),
    ingestProblem: (code) => problems.inc({ code }),
    commit(rows, seconds) {
      commitRows.observe(rows);
      commitSeconds.observe(seconds);
    },
    paymentEvent: (provider, outcome, howMany = 1) => paymentEvents.inc({ provider, outcome }, howMany),
  };
}

/**
 * Answers `/metrics` to whoever sends the token as bearer. Without a token set, to this machine only: from a loopback address,
 * and not through a proxy, which would lend its own address to anyone.
 */
export function metricsHandler(metrics: Metrics, token: string | null) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const refused = token === null ? !isLocal(req) : !bearsToken(req, token);
    if (refused) {
      res.writeHead(token === null ? 403 : 401, token === null ? {} : { 'WWW-Authenticate': 'Bearer realm="metrics"' });
      return void res.end();
    }
    const text = await metrics.registry.metrics();
    res.writeHead(200, { 'Content-Type': metrics.registry.contentType, 'Cache-Control': 'no-store' });
    res.end(text);
  };
}

function bearsToken(req: IncomingMessage, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
  return given !== undefined && sameText(given, token);
}

function isLocal(req: IncomingMessage): boolean {
  const address = (req.socket.remoteAddress ?? '').replace(/^::ffff:/i, '');
  const proxied = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some((name) => req.headers[name] !== undefined);
  return !proxied && (address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address));
}
