// What the two JavaScript clients share. The packages are not beside the scripts
// but where the test installed them.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

export const load = createRequire(process.env.SIGNALBOX_MODULES + '/');

// providerOptions returns how a question wants its server to be called.
export function providerOptions(question) {
  const key = question.key || process.env.SIGNALBOX_KEY;
  const auth = question.auth === 'X-API-Key' ? ['X-API-Key', key] : ['Authorization', 'Bearer ' + key];
  return {
    baseUrl: process.env.SIGNALBOX_URL + (question.path ?? ''),
    headers: [auth, ...Object.entries(question.headers ?? {})],
  };
}

const METHODS = {
  boolean: 'getBooleanDetails',
  string: 'getStringDetails',
  integer: 'getNumberDetails',
  float: 'getNumberDetails',
  object: 'getObjectDetails',
};

// methodOf names the client's method that asks for the question's type.
export function methodOf(question) {
  return METHODS[question.type];
}

// report returns the answer to a question in the words that all clients use.
export function report(question, details) {
  return {
    id: question.id,
    value: details.value,
    type: typeof details.value,
    variant: details.variant ?? '',
    reason: details.reason ?? '',
    error_code: details.errorCode ?? '',
  };
}

// converse answers each line of standard input, JSON with JSON.
export async function converse(answerTo) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answerTo(JSON.parse(line))) + '\n');
  }
}
