// Shared code of the two JavaScript clients. The packages are in the folder in which the
// test installed them.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

export const load = createRequire(process.env.SIGNALBOX_MODULES + '/');

// providerOptions returns the provider's options for a question.
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

// methodOf returns the client's method for the question's type.
export function methodOf(question) {
  return METHODS[question.type];
}

// report returns the result of a question in the format of all clients.
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

// converse responds to each line of standard input, JSON with JSON.
export async function converse(answerTo) {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answerTo(JSON.parse(line))) + '\n');
  }
}
