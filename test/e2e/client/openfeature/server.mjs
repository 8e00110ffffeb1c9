// Evaluates flags of an OFREP server through OpenFeature's SDK for servers.
//
// Standard input has one question per line as JSON, and standard output receives the
// result of each. The questions and their expected results are in openfeature_test.go.
import { converse, load, methodOf, providerOptions, report } from './common.mjs';

const { OpenFeature } = load('@openfeature/server-sdk');
const { OFREPProvider } = load('@openfeature/ofrep-provider');

await converse(async (question) => {
  await OpenFeature.setProviderAndWait(question.id, new OFREPProvider(providerOptions(question)));
  const client = OpenFeature.getClient(question.id);
  return report(question, await client[methodOf(question)](question.flag, question.default, question.context ?? {}));
});
await OpenFeature.close();
