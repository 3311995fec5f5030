type Json = Record<string, unknown>;

/** A request and its answer, as an operation's example. Ids and instants are made up; keys and tokens are none. */
export interface Example {
  parameters?: Readonly<Record<string, unknown>>;
  body?: unknown;
  status: number;
  answer?: unknown;
}

/** The examples of a document, by operation id. */
export type Examples = Readonly<Record<string, Example>>;

/** An operation with its example: in each parameter that it gives, in the request's body, and in the one answer that it is of. */
export function withExample(operation: Json, example: Example | undefined): Json {
  if (example === undefined) return operation;
  const { parameters = {}, body, status, answer } = example;
  const given = (operation['parameters'] as Json[]).map((each) => {
    const value = parameters[String(each['name'])];
    return value === undefined ? each : { ...each, example: value };
  });
  const responses = operation['responses'] as Record<string, Json>;
  const response = responses[status];
  return {
    ...operation,
    parameters: given,
    ...(operation['requestBody'] === undefined || body === undefined
      ? {}
      : { requestBody: inContent(operation['requestBody'] as Json, body) }),
    responses:
      response === undefined || answer === undefined
        ? responses
        : { ...responses, [status]: inContent(response, answer) },
  };
}

function inContent(holder: Json, example: unknown): Json {
  const content = (holder['content'] ?? {}) as Record<string, Json>;
  const [type] = Object.keys(content);
  if (type === undefined) return holder;
  return { ...holder, content: { ...content, [type]: { ...content[type], example } } };
}
