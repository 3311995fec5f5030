import type { z } from 'zod';

type Json = Record<string, unknown>;

/** One kind of request that we send, for the section `webhooks` of the document. */
export interface OutgoingEvent {
  type: string;
  summary: string;
  data: z.ZodType;
}

const HEADERS = [
  ['webhook-id', 'The event: the same at every attempt, so that what comes twice can be told', 'evt_…'],
  ['webhook-timestamp', 'When this attempt was made, in Unix seconds', '1767268800'],
  ['webhook-signature', 'One or more signatures, separated by blanks: `v1,` and base64', 'v1,g0hM9SsE…'],
].map(([name, description, example]) => ({
  name,
  in: 'header',
  required: true,
  description,
  schema: { type: 'string' },
  example,
}));

const RESPONSES = {
  '2XX': { description: 'It was taken. Everything else is a failure and tried again; a redirect is not followed' },
  '410': { description: 'It is not wanted any more: the webhook is switched off' },
  '429': { description: 'Not so fast: the pause that `Retry-After` names is kept' },
};

/** What receivers are to expect, by event type. `schemaOf` makes a schema and puts its parts among the components. */
export function webhooksSection(events: readonly OutgoingEvent[], schemaOf: (schema: z.ZodType) => Json): Json {
  const sections = events.map(({ type, summary, data }) => {
    const schema = {
      type: 'object',
      required: ['type', 'timestamp', 'data'],
      properties: {
        type: { type: 'string', const: type },
        timestamp: { type: 'string', format: 'date-time', description: 'When it happened' },
        data: schemaOf(data),
      },
    };
    const requestBody = { required: true, content: { 'application/json': { schema } } };
    const post = { summary, tags: ['events'], security: [], parameters: HEADERS, requestBody, responses: RESPONSES };
    return [type, { post }];
  });
  return Object.fromEntries(sections);
}
