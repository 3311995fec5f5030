import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { makeMetrics, metricsHandler } from './metrics.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(token: string | null) {
  const metrics = makeMetrics({ process: false });
  const server = createServer(metricsHandler(metrics, token));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  return { metrics, ask: (headers: Record<string, string> = {}) => fetch(url, { headers }) };
}

describe('the metrics', () => {
  it('count requests, polls, jobs, problems and commits', async () => {
    const metrics = makeMetrics({ process: false });
    metrics.request({ method: 'GET', route: '/api/v1/licenses/{id}', status: 404, seconds: 0.004 });
    metrics.poll('updates.xml', 'VALID');
    metrics.poll('updates.xml', 'VALID');
    metrics.poll('updates.xml', 'EXPIRED');
    metrics.job('sync', 'done', 0.2);
    metrics.ingestProblem('NO_ARTIFACT');
    metrics.commit(230, 0.003);
    const lines = (await metrics.registry.metrics()).split('\n');
    for (const line of [
      'feedgate_http_requests_total{method="GET",route="/api/v1/licenses/{id}",status="4xx"} 1',
      'feedgate_http_request_seconds_bucket{le="0.005",route="/api/v1/licenses/{id}"} 1',
      'feedgate_http_request_seconds_bucket{le="0.001",route="/api/v1/licenses/{id}"} 0',
      'feedgate_polls_total{document="updates.xml",code="VALID"} 2',
      'feedgate_polls_total{document="updates.xml",code="EXPIRED"} 1',
      'feedgate_job_seconds_count{kind="sync",outcome="done"} 1',
      'feedgate_ingest_problems_total{code="NO_ARTIFACT"} 1',
      'feedgate_commit_rows_sum 230',
      'feedgate_commit_seconds_bucket{le="0.01"} 1',
    ]) {
      expect(lines).toContain(line);
    }
  });

  it('of two makers do not mix', async () => {
    const one = makeMetrics({ process: false });
    const other = makeMetrics({ process: true });
    one.poll('updates.xml', 'VALID');
    expect(await other.registry.metrics()).not.toContain('code="VALID"');
    expect(await other.registry.metrics()).toContain('process_cpu_seconds_total');
    expect(await one.registry.metrics()).not.toContain('process_cpu_seconds_total');
  });
});

describe('/metrics', () => {
  it('without a token is for this machine', async () => {
    const { metrics, ask } = await serve(null);
    metrics.poll('updates.xml', 'VALID');
    const answer = await ask();
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toContain('feedgate_polls_total');
  });

  it.each(['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via'])(
    'without a token is not for who comes by a proxy (%s)',
    async (name) => {
      const { ask } = await serve(null);
      const answer = await ask({ [name]: '127.0.0.1' });
      expect([answer.status, await answer.text()]).toEqual([403, '']);
    },
  );

  it.each([
    ['Bearer right-token', 200],
    ['bearer right-token', 200],
    ['Bearer wrong-token', 401],
    ['Bearer right-token2', 401],
    ['Basic right-token', 401],
    ['right-token', 401],
    ['', 401],
  ])('with a token answers %j with %i', async (authorization, status) => {
    const { ask } = await serve('right-token');
    const answer = await ask(authorization === '' ? {} : { Authorization: authorization });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="metrics"' : null);
  });
});
