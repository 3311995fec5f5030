/** Lets everything that waits have its turn: SQLite answers within this very turn of the event loop, so that a loop over it holds up polls. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

export interface BatchOptions<Q, A> {
  most: number;
  /** More than this is overload: the next is refused at once instead of piling up. */
  mostWaiting: number;
  /** Answers in the order of the questions. */
  answerAll(questions: readonly Q[]): Promise<readonly A[]>;
  /** True for an error that is one question's own: then each of the batch is tried by itself. */
  isOneOfThem?(error: unknown): boolean;
}

interface Waiting<Q, A> {
  question: Q;
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/** Answers many by one: one batch in flight, the next is taken when it ends, so that batches grow with the load by themselves. */
export function makeBatch<Q, A>(options: BatchOptions<Q, A>): (question: Q) => Promise<A> {
  const { most, mostWaiting, answerAll, isOneOfThem } = options;
  const waiting: Waiting<Q, A>[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    // One turn of the event loop gathers what arrived with the first.
    await breathe();
    while (waiting.length > 0) await answer(waiting.splice(0, most));
    running = false;
  }

  async function answer(batch: readonly Waiting<Q, A>[]): Promise<void> {
    try {
      const answers = await answerAll(batch.map(({ question }) => question));
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i] as A);
    } catch (error) {
      if (batch.length > 1 && isOneOfThem?.(error)) {
        for (const each of batch) await answer([each]);
        return;
      }
      for (const { reject } of batch) reject(error);
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= mostWaiting) return reject(new Error('too many wait for an answer'));
      waiting.push({ question, resolve, reject });
      if (!running) void run();
    });
}
