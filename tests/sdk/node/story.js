// What every story is told with: the settings, one JSON line for each operation, and patience.
'use strict';

const assert = require('node:assert');
const { setTimeout: pause } = require('node:timers/promises');

const { env } = process;
const ENDPOINT = env.EKIDEN_ENDPOINT;
const KEY = [env.EKIDEN_ACCESS_KEY_ID, env.EKIDEN_ACCESS_KEY_SECRET];
const READER = [env.EKIDEN_TEST_READER_ID, env.EKIDEN_TEST_READER_SECRET];
// Where a server answers that speaks the custom-runtime contract.
const TARGET = env.EKIDEN_TEST_TARGET;

// How long anything may take before a story gives up waiting for it, in milliseconds.
const PATIENCE = 60_000;

const SERVICE = 'tales';
const FUNCTION = 'teller';

// What an SDK throws when the server refuses, in the same words for all of them.
class Refused extends Error {
  constructor(status, code, requestId, cause) {
    super(`${status} ${code}`, { cause });
    Object.assign(this, { status, code, requestId });
  }
}

// An SDK's client whose errors are told in our words: `read` tells status, code and request id of an
// error that is the server's refusal, and nothing of others.
function translated(client, read) {
  return new Proxy(client, {
    get(target, name) {
      return async (...values) => {
        try {
          return await target[name](...values);
        } catch (error) {
          const told = read(error);
          throw told ? new Refused(...told, error) : error;
        }
      };
    },
  });
}

// Tells what became of each operation of one SDK.
class Story {
  constructor(sdk) {
    this.sdk = sdk;
  }

  tell(operation, result, why) {
    const line = { sdk: this.sdk.NAME, operation, result, ...(why && { why }) };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }

  // Has this result if nothing in it fails; `why` is a remark on how.
  async operation(operation, why, steps, result = 'works') {
    if (!steps) [why, steps] = [undefined, why];
    try {
      await steps();
    } catch (error) {
      console.error(`${this.sdk.NAME} does not ${operation}:`, error);
      process.exit(1);
    }
    this.tell(operation, result, why);
  }

  // As an operation, of which nothing in it shows more than how it differs from FC's.
  async differs(operation, why, steps) {
    return this.operation(operation, why, steps, 'differs');
  }

  // The same where the SDK has the method that it needs.
  async operationBy(method, operation, steps) {
    if (this.sdk[method]) return this.operation(operation, steps);
    return this.tell(operation, 'not applicable', this.sdk.LACKS[method]);
  }
}

// Whether a document has these values.
function has(found, expected) {
  for (const [key, value] of Object.entries(expected)) {
    assert.deepStrictEqual(found[key], value, `${key} of ${JSON.stringify(found)}`);
  }
}

// Whether the call is refused, in these words, and the refusal tells the request's id.
async function refused(status, code, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    assert.deepStrictEqual([error.status, error.code], [status, code], error);
    assert.ok(error.requestId?.length > 10, `a request id: ${error.requestId}`);
    return;
  }
  assert.fail(`not refused as ${code}: ${JSON.stringify(answer)}`);
}

// Looks until there is something.
async function until(what, look) {
  const giveUp = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < giveUp, `waited in vain for ${what}`);
    await pause(20);
  }
}

module.exports = {
  ENDPOINT, KEY, READER, TARGET, SERVICE, FUNCTION, Story,
  equal: assert.deepStrictEqual, has, refused, translated, until,
};
