// Evaluates flags of an OFREP server through OpenFeature's SDK for browsers, which
// evaluates all flags at once and caches the results.
//
// Standard input has one command per line as JSON, and standard output receives the
// result of each. The commands and their expected results are in openfeature_test.go.
import { converse, load, methodOf, providerOptions, report } from './common.mjs';

const { OpenFeature, ProviderEvents } = load('@openfeature/web-sdk');
const { OFREPWebProvider } = load('@openfeature/ofrep-web-provider');

function ask(domain, question) {
  return report(question, OpenFeature.getClient(domain)[methodOf(question)](question.flag, question.default));
}

// Every request of the page's provider, and the waiters for further ones.
const requests = [];
let waiters = [];
async function recordingFetch(request, init) {
  const { context } = await request.clone().json();
  const seen = {
    if_none_match: request.headers.get('If-None-Match') ?? '',
    context: JSON.stringify(context),
  };
  // Only present waiters: a response does not belong to a later command.
  const waiting = waiters.filter(({ wants }) => wants(seen));
  waiters = waiters.filter((w) => !waiting.includes(w));
  const response = await fetch(request, init);
  seen.status = response.status;
  seen.etag = response.headers.get('ETag') ?? '';
  requests.push(seen);
  waiting.forEach(({ resolve }) => resolve(seen));
  return response;
}
function nextRequest(wants) {
  return new Promise((resolve) => waiters.push({ wants, resolve }));
}

// The change events of the page's provider that no command has read yet, and the waiters
// for events of a flag.
let news = [];
let awaited = null;
function hear(flags) {
  news.push(flags);
  if (awaited && flags.includes(awaited.flag)) {
    awaited.resolve();
    awaited = null;
  }
}

// The events of a plain EventSource, and the waiters for more.
const changes = [];
let resyncs = 0;
let tell = () => {};

const commands = {
  // One question to a new provider, as of a page that was just opened.
  ask: async ({ question }) => {
    const provider = new OFREPWebProvider(providerOptions(question));
    try {
      await OpenFeature.setProviderAndWait(question.id, provider, question.context ?? {});
    } catch {
      // The following result is the one that counts.
    }
    return ask(question.id, question);
  },
  // A page that stays open, with a provider that polls.
  open: async ({ context, poll_ms }) => {
    OpenFeature.getClient('page').addHandler(ProviderEvents.ConfigurationChanged, (e) => hear(e.flagsChanged ?? []));
    const provider = new OFREPWebProvider({
      ...providerOptions({}), pollInterval: poll_ms, fetchImplementation: recordingFetch,
    });
    await OpenFeature.setProviderAndWait('page', provider, context);
    return { requests };
  },
  // A page that stays open in a browser, with a provider that never polls and reads the
  // stream that the first response names.
  follow: async ({ context }) => {
    let opened;
    const connected = new Promise((resolve) => { opened = resolve; });
    const { EventSource } = load('eventsource');
    globalThis.EventSource = class extends EventSource {
      constructor(url) {
        super(url);
        this.addEventListener('open', () => opened(new URL(url).pathname));
      }
    };
    OpenFeature.getClient('page').addHandler(ProviderEvents.ConfigurationChanged, (e) => hear(e.flagsChanged ?? []));
    const provider = new OFREPWebProvider({
      ...providerOptions({}), pollInterval: 0, fetchImplementation: recordingFetch,
    });
    await OpenFeature.setProviderAndWait('page', provider, context);
    return { stream: await connected };
  },
  // A plain EventSource on the change feed: its events once there are that many changes.
  // It does not use the provider.
  listen: async ({ path }) => {
    const { EventSource } = load('eventsource');
    const { baseUrl, headers } = providerOptions({});
    const withKey = (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...Object.fromEntries(headers) } });
    const source = new EventSource(baseUrl + path, { fetch: withKey });
    source.addEventListener('change', (e) => { changes.push(JSON.parse(e.data).revision); tell(); });
    source.addEventListener('resync', () => { resyncs += 1; });
    await new Promise((resolve) => source.addEventListener('position', resolve, { once: true }));
    return {};
  },
  heard: async ({ count }) => {
    while (changes.length < count) {
      await new Promise((resolve) => { tell = resolve; });
    }
    return { changes, resyncs };
  },
  requests: async () => ({ requests }),
  evaluate: async ({ question }) => ask('page', question),
  // The context of the page changes, as when a user logs in. A poll can come first.
  context: async ({ context }) => {
    const text = JSON.stringify(context);
    const next = nextRequest((request) => request.context === text);
    await OpenFeature.setContext('page', context);
    return await next;
  },
  // The next poll, to its end. Events of earlier polls are discarded: the provider polls
  // again only after it has emitted its events.
  poll: async () => {
    const next = nextRequest(() => true);
    const seen = await next;
    news = [];
    return seen;
  },
  // The provider's event that a flag has changed.
  changed: async ({ flag }) => {
    if (!news.some((flags) => flags.includes(flag))) {
      await new Promise((resolve) => { awaited = { flag, resolve }; });
    }
    const flags = [...new Set(news.flat())];
    news = [];
    return { flags };
  },
};

await converse((command) => commands[command.do](command));
await OpenFeature.close();
process.exit(0); // a plain EventSource would reconnect forever
