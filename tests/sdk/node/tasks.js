// The part of the story that invokes, follows, lists and stops.
'use strict';

const assert = require('node:assert');
const { FUNCTION, KEY, READER, SERVICE, equal, has, refused, until } = require('./story');

// How the story of a task that succeeds at once goes.
const AT_ONCE = ['Enqueued', 'Dequeued', 'Running', 'Succeeded'];

async function tell(story) {
  const { sdk } = story;
  await calls(story, sdk);
  await invocations(story, sdk);
  await ends(story, sdk);
  await lists(story, sdk);
  await refusals(story, sdk);
}

async function calls(story, sdk) {
  await story.operation('invoke synchronously', async () => {
    equal(await sdk.call('hello'), 'second hello');
    equal(await sdk.call('né\n\x00'), 'second né\n\x00');
  });
  const log = 'read the log of a synchronous invocation';
  await story.differs(log, 'what is behind HTTP logs where it runs: its log is empty', async () => {
    equal(await sdk.logOf('hello'), '');
  });
  await story.operation('invoke a version', async () => {
    equal(await sdk.call('hello', '1'), 'first hello');
    await refused(404, 'VersionNotFound', () => sdk.call('hello', '7'));
  });
  await story.operation('invoke an alias, whose weights are kept', async () => {
    const seen = new Set();
    await until('both versions', async () => seen.add(await sdk.call('x', 'prod')).size === 2);
    equal(seen, new Set(['first x', 'second x']));
  });
  await story.operation('read a function error of a synchronous invocation', async () => {
    const error = await sdk.callThatFails('fail');
    equal(error.errorMessage, 'as it was told');
    assert.ok(error.errorType, JSON.stringify(error));
  });
}

async function invocations(story, sdk) {
  await story.operation('invoke asynchronously', async () => {
    const requestId = await sdk.invoke('hello');
    has(await ended(sdk, requestId), { requestId, status: 'Succeeded' });
  });
  await story.operation('invoke with an id', sdk.TASKS_REMARK, async () => {
    const before = Date.now();
    const requestId = await sdk.invoke('hello', { id: 'one' });
    const record = await ended(sdk, 'one');
    isRecord(sdk, record, 'one', 'Succeeded');
    has(record, { requestId, alreadyRetriedTimes: 0, qualifier: 'LATEST' });
    equal(statuses(record), AT_ONCE);
    const { startedTime, endTime } = record;
    assert.ok(before <= startedTime && startedTime <= endTime && endTime <= Date.now());
  });
  await story.operation('be refused an id that is taken', async () => {
    await refused(409, sdk.EXISTS, () => sdk.invoke('again', { id: 'one' }));
  });
  await story.operation('invoke with a delay', async () => {
    await sdk.invoke('hello', { id: 'delayed', delay: 1 });
    const record = await ended(sdk, 'delayed');
    equal(record.status, 'Succeeded');
    const running = record.events.find((event) => event.status === 'Running');
    assert.ok(running.timestamp - record.startedTime >= 1000, JSON.stringify(record));
  });
  await story.operation('invoke asynchronously through an alias', async () => {
    await sdk.invoke('hello', { id: 'through', qualifier: 'prod' });
    has(await ended(sdk, 'through', 'prod'), { status: 'Succeeded', qualifier: 'prod' });
  });
}

async function ends(story, sdk) {
  const told = (operation, steps) => story.operation(operation, sdk.TASKS_REMARK, steps);
  await told('get a task that runs', async () => {
    await sdk.invoke('hang', { id: 'hanging' });
    const record = await followed(sdk, 'hanging', ({ status }) => status === 'Running');
    isRecord(sdk, record, 'hanging', 'Running');
    has(record, { endTime: 0, durationMs: 0 });
    equal(statuses(record), AT_ONCE.slice(0, 3));
    await refused(404, sdk.NOT_FOUND, () => sdk.get('nothing'));
  });
  await told('stop a task that runs', async () => {
    await sdk.stop('hanging');
    const record = await ended(sdk, 'hanging');
    isRecord(sdk, record, 'hanging', 'Stopped');
    equal(statuses(record), [...AT_ONCE.slice(0, 3), 'Stopping', 'Stopped']);
  });
  await told('be refused to stop what has ended', async () => {
    await refused(412, 'AsyncInvocationStopped', () => sdk.stop('hanging'));
    await refused(412, 'PreconditionFailed', () => sdk.stop('one'));
    await refused(404, sdk.NOT_FOUND, () => sdk.stop('nothing'));
  });
  await told('get a task that failed, after a retry', async () => {
    await sdk.invoke('fail', { id: 'failing' });
    const record = await ended(sdk, 'failing');
    isRecord(sdk, record, 'failing', 'Failed');
    has(record, { alreadyRetriedTimes: 1 });
    assert.ok(record[sdk.ERROR].includes('as it was told'), JSON.stringify(record));
    const retrying = record.events.filter((event) => event.status === 'Retrying');
    equal(retrying.length, 1);
    assert.ok(JSON.parse(retrying[0].eventDetail).Error, JSON.stringify(retrying));
  });
}

async function lists(story, sdk) {
  const told = (operation, steps) => story.operation(operation, sdk.TASKS_REMARK, steps);
  const five = [0, 1, 2, 3, 4];
  for (const number of five) await sdk.invoke(`page ${number}`, { id: `page-${number}` });
  for (const number of five) equal((await ended(sdk, `page-${number}`)).status, 'Succeeded');

  const prefix = 'page-';
  let everything;
  await told('list tasks by prefix', async () => {
    const page = await sdk.list({ prefix, limit: 100 });
    everything = page.records;
    equal(ids(sdk, everything).sort(), five.map((number) => `page-${number}`));
    assert.ok(!page.token, page.token);
    for (const record of everything) isRecord(sdk, record, record[sdk.ID], 'Succeeded');
  });
  await told('list tasks page by page', async () => {
    const pages = [];
    do {
      pages.push(await sdk.list({ prefix, limit: 2, token: pages.at(-1)?.token }));
    } while (pages.at(-1).token);
    equal(pages.map(({ records }) => records.length), [2, 2, 1]);
    equal(pages.flatMap(({ records }) => records), everything);
    await refused(400, 'InvalidArgument', () => sdk.list({ prefix, token: 'MTIz' }));
  });
  const started = everything.map((record) => record.startedTime);
  await told('list tasks in order of time', async () => {
    equal(started, [...started].sort((a, b) => b - a));
    equal((await sdk.list({ prefix, order: 'desc' })).records, everything);
    equal((await sdk.list({ prefix, order: 'asc' })).records, [...everything].reverse());
  });
  await told('list tasks by status', async () => {
    equal((await sdk.list({ prefix, status: 'Succeeded' })).records, everything);
    equal(ids(sdk, (await sdk.list({ status: 'Failed' })).records), ['failing']);
    equal(ids(sdk, (await sdk.list({ status: 'Stopped' })).records), ['hanging']);
    await refused(400, 'InvalidArgument', () => sdk.list({ status: 'Lost' }));
  });
  await told('list tasks by time', async () => {
    const [begin, end] = [started[3], started[1]];
    const isIn = ({ startedTime }) => begin <= startedTime && startedTime <= end;
    equal((await sdk.list({ prefix, begin, end })).records, everything.filter(isIn));
  });
  await told('list tasks by qualifier', async () => {
    equal(ids(sdk, (await sdk.list({ qualifier: 'prod' })).records), ['through']);
    equal((await sdk.list({ qualifier: 'LATEST', prefix })).records, everything);
  });
  await told('list tasks with their payloads', async () => {
    for (const record of (await sdk.list({ prefix, payload: true })).records) {
      equal(record[sdk.PAYLOAD], record[sdk.ID].replace('-', ' '));
    }
    assert.ok(!everything.some((record) => record[sdk.PAYLOAD]), JSON.stringify(everything));
  });
  await story.operationBy('functionsWithTasks', 'list the functions that have tasks', async () => {
    const all = await sdk.functionsWithTasks();
    const found = all.filter(({ serviceName }) => serviceName === SERVICE);
    equal(found.map(({ functionName }) => functionName), [FUNCTION, FUNCTION]);
    equal(found.map(({ qualifier }) => qualifier), ['LATEST', 'prod']);
  });
}

async function refusals(story, sdk) {
  await story.operation('be refused with a wrong secret', async () => {
    const stranger = sdk.asOther(KEY[0], 'wrong');
    await refused(403, 'SignatureNotMatch', () => stranger.invoke('hello'));
    await refused(403, 'SignatureNotMatch', () => stranger.getFunction(FUNCTION));
  });
  await story.operation('be refused with an unknown key', async () => {
    const stranger = sdk.asOther('stranger', KEY[1]);
    await refused(403, 'InvalidAccessKeyID', () => stranger.invoke('hello'));
  });
  await story.operation('be refused what a key has no scope for', async () => {
    const reader = sdk.asOther(...READER);
    equal((await reader.get('one')).status, 'Succeeded');
    await refused(403, 'AccessDenied', () => reader.invoke('hello'));
    await refused(403, 'AccessDenied', () => reader.stop('one'));
    await refused(403, 'AccessDenied', () => reader.deleteFunction(FUNCTION));
  });
  await story.operation('be told that there is no such function', async () => {
    await refused(404, 'FunctionNotFound', () => sdk.invoke('hello', { name: 'nobody' }));
  });
}

async function followed(sdk, id, isIt, qualifier) {
  return until(`the task ${id}`, async () => {
    const record = await sdk.get(id, qualifier);
    return isIt(record) ? record : undefined;
  });
}

async function ended(sdk, id, qualifier) {
  return followed(sdk, id, ({ endTime }) => endTime !== 0, qualifier);
}

// Whether everything is in it that each record has.
function isRecord(sdk, record, id, status) {
  const all = JSON.stringify(record);
  has(record, { [sdk.ID]: id, status });
  sdk.checkNames(record);
  assert.ok(record.requestId && record.instanceId, all);
  for (const key of ['startedTime', 'endTime', 'durationMs', 'alreadyRetriedTimes']) {
    assert.ok(Number.isInteger(record[key]), `${key} of ${all}`);
  }
  for (const key of [sdk.ERROR, 'destinationStatus']) {
    equal(typeof record[key], 'string', `${key} of ${all}`);
  }
  const times = record.events.map((event) => event.timestamp);
  equal(record.events.map((event) => event.eventId), times.map((_, index) => index + 1));
  equal(times, [...times].sort((a, b) => a - b));
  equal(times[0], record.startedTime);
  if (record.endTime) equal(times.at(-1), record.endTime);
}

function statuses(record) {
  return record.events.map((event) => event.status);
}

function ids(sdk, records) {
  return records.map((record) => record[sdk.ID]);
}

module.exports = { tell };
