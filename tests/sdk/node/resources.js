// The part of the story that makes services, functions, versions, aliases and configs, and the part
// that deletes them.
'use strict';

const assert = require('node:assert');
const { FUNCTION, SERVICE, TARGET, equal, has, refused } = require('./story');

// The one that version 1 keeps, and the one that came after it.
const FIRST = { EKIDEN_TARGET: `${TARGET}/first`, COLOUR: 'blue' };
const SECOND = { EKIDEN_TARGET: `${TARGET}/second`, COLOUR: 'green' };

async function make(story) {
  const { sdk } = story;
  await services(story, sdk);
  await functions(story, sdk);
  await versions(story, sdk);
  await aliases(story, sdk);
  await configs(story, sdk);
}

async function services(story, sdk) {
  const by = (operation, steps) => story.operationBy('createService', operation, steps);
  await by('create a service', async () => {
    const made = await sdk.createService(SERVICE, 'of tellers');
    has(made, { serviceName: SERVICE, description: 'of tellers' });
    assert.ok(made.createdTime && made.lastModifiedTime, JSON.stringify(made));
    await refused(409, 'ServiceAlreadyExists', () => sdk.createService(SERVICE, 'again'));
  });
  await by('get a service', async () => {
    has(await sdk.getService(SERVICE), { serviceName: SERVICE, description: 'of tellers' });
    await refused(404, 'ServiceNotFound', () => sdk.getService('nowhere'));
  });
  await by('list services', async () => {
    equal((await sdk.listServices('tal')).map((one) => one.serviceName), [SERVICE]);
    equal(await sdk.listServices('nowhere'), []);
  });
  await by('update a service', async () => {
    has(await sdk.updateService(SERVICE, 'of tales'), { description: 'of tales' });
    has(await sdk.getService(SERVICE), { description: 'of tales' });
  });
}

async function functions(story, sdk) {
  await story.operation('create a function', async () => {
    const made = await sdk.createFunction(FUNCTION, FIRST, 45);
    isFunction(sdk, made, FIRST, 45);
    assert.ok(made.createdTime && made.lastModifiedTime, JSON.stringify(made));
    await refused(409, 'FunctionAlreadyExists', () => sdk.createFunction(FUNCTION, FIRST, 45));
  });
  await story.operation('get a function', async () => {
    isFunction(sdk, await sdk.getFunction(FUNCTION), FIRST, 45);
    await refused(404, 'FunctionNotFound', () => sdk.getFunction('nobody'));
  });
  const noCode = 'there is none here: what runs runs elsewhere';
  await story.differs("get a function's code", noCode, async () => {
    await refused(404, 'CodeNotFound', () => sdk.getCode(FUNCTION));
  });
  await story.operation('list functions', async () => {
    equal((await sdk.listFunctions('tell')).map((one) => one.functionName), [FUNCTION]);
    equal(await sdk.listFunctions('nobody'), []);
  });
}

function isFunction(sdk, found, environmentVariables, timeout) {
  has(found, { functionName: FUNCTION, runtime: sdk.RUNTIME, handler: 'index.handler' });
  has(found, { environmentVariables, timeout });
}

async function versions(story, sdk) {
  await story.operation('publish a version', async () => {
    has(await sdk.publishVersion('the first'), { versionId: '1', description: 'the first' });
  });
  await story.operation('update a function', async () => {
    isFunction(sdk, await sdk.updateFunction(FUNCTION, SECOND, 50), SECOND, 50);
    isFunction(sdk, await sdk.getFunction(FUNCTION), SECOND, 50);
  });
  const unlessChanged = 'update a function unless it was changed (If-Match)';
  await story.operation(unlessChanged, sdk.TAG_REMARK, async () => {
    const tag = await sdk.tag(FUNCTION);
    await sdk.updateIf(tag, FUNCTION, "the winner's");
    await refused(412, 'PreconditionFailed', () => sdk.updateIf(tag, FUNCTION, "the loser's"));
    has(await sdk.getFunction(FUNCTION), { description: "the winner's" });
  });
  await story.operation('get a version of a function', async () => {
    isFunction(sdk, await sdk.getFunction(FUNCTION, '1'), FIRST, 45);
  });
  await story.operation('list versions', async () => {
    has(await sdk.publishVersion('the second'), { versionId: '2' });
    equal((await sdk.listVersions()).map((one) => one.versionId).sort(), ['1', '2']);
  });
}

async function aliases(story, sdk) {
  await story.operation('create an alias with weights', async () => {
    const made = await sdk.createAlias('prod', '1', { 2: 0.5 });
    has(made, { aliasName: 'prod', versionId: '1', additionalVersionWeight: { 2: 0.5 } });
    await refused(409, 'AliasAlreadyExists', () => sdk.createAlias('prod', '1', {}));
  });
  await story.operation('get an alias', async () => {
    const found = await sdk.getAlias('prod');
    has(found, { aliasName: 'prod', versionId: '1', additionalVersionWeight: { 2: 0.5 } });
    await refused(404, 'AliasNotFound', () => sdk.getAlias('nightly'));
  });
  await story.operation('update an alias', async () => {
    has(await sdk.updateAlias('prod', '2', { 1: 0.5 }), { versionId: '2' });
    has(await sdk.getAlias('prod'), { versionId: '2', additionalVersionWeight: { 1: 0.5 } });
  });
  await story.operation('list aliases', async () => {
    equal((await sdk.listAliases()).map((one) => one.aliasName), ['prod']);
  });
}

async function configs(story, sdk) {
  const fields = {
    maxAsyncRetryAttempts: 1, maxAsyncEventAgeInSeconds: 600, [sdk.STATEFUL]: true,
  };
  await story.operation('put an async config', async () => {
    await refused(404, 'AsyncConfigNotExists', () => sdk.getConfig('LATEST'));
    has(await sdk.putConfig('LATEST', fields), fields);
    // What is not given stays.
    fields.maxAsyncEventAgeInSeconds = 700;
    has(await sdk.putConfig('LATEST', { maxAsyncEventAgeInSeconds: 700 }), fields);
  });
  await story.operation('get an async config', async () => {
    const found = await sdk.getConfig('LATEST');
    has(found, fields);
    assert.ok(found.createdTime && found.lastModifiedTime, JSON.stringify(found));
    assert.ok((found.function ?? found.functionArn).includes(FUNCTION), JSON.stringify(found));
  });
  await story.operation('put a destination', async () => {
    const put = (destination) =>
      sdk.putConfig('LATEST', { destinationConfig: { onFailure: { destination } } });
    const to = 'acs:fc:::functions/cleanup';
    equal((await put(to)).destinationConfig.onFailure.destination, to);
    const found = await sdk.getConfig('LATEST');
    equal(found.destinationConfig.onFailure.destination, to);
    await refused(400, 'InvalidArgument', () => put('acs:mns:cn-hangzhou:1:/queues/q/messages'));
    equal(await sdk.getConfig('LATEST'), found);
    // None again.
    await put('');
  });
  await story.operation("list a function's async configs", async () => {
    const other = { maxAsyncRetryAttempts: 0, [sdk.STATEFUL]: true };
    has(await sdk.putConfig('prod', other), other);
    const ages = (await sdk.listConfigs()).map((one) => one.maxAsyncEventAgeInSeconds);
    assert.ok(ages.length === 2 && ages.includes(700), JSON.stringify(ages));
  });
  await story.operationBy('listAllConfigs', 'list the async configs of all functions', async () => {
    const arns = (await sdk.listAllConfigs()).map((one) => one.functionArn);
    equal(arns.filter((arn) => arn === `acs:fc:::functions/${FUNCTION}`).length, 2, arns.join());
  });
}

async function limits(story) {
  const { sdk } = story;
  const concurrency = 'put, get and delete a concurrency config';
  await story.operationBy('putConcurrency', concurrency, async () => {
    has(await sdk.putConcurrency(7), { reservedConcurrency: 7 });
    has(await sdk.getConcurrency(), { reservedConcurrency: 7 });
    await sdk.deleteConcurrency();
    await refused(404, 'ConcurrencyConfigNotFound', () => sdk.getConcurrency());
  });
  await story.operationBy('disable', 'disable and enable invocations', async () => {
    await sdk.disable('a pause');
    await refused(403, 'AccessDenied', () => sdk.call('x'));
    await refused(403, 'AccessDenied', () => sdk.invoke('x'));
    await sdk.enable();
    equal(await sdk.call('x'), 'second x');
  });
}

async function remove(story) {
  const { sdk } = story;
  await story.operation('delete an async config', async () => {
    await sdk.deleteConfig('LATEST');
    await refused(404, 'AsyncConfigNotExists', () => sdk.getConfig('LATEST'));
    await sdk.deleteConfig('prod');
    equal(await sdk.listConfigs(), []);
  });
  await story.operation('delete an alias', async () => {
    await sdk.deleteAlias('prod');
    await refused(404, 'AliasNotFound', () => sdk.getAlias('prod'));
  });
  await story.operation('delete a version', async () => {
    await sdk.deleteVersion('1');
    equal((await sdk.listVersions()).map((one) => one.versionId), ['2']);
    await sdk.deleteVersion('2');
  });
  await story.operation('delete a function', async () => {
    await sdk.deleteFunction(FUNCTION);
    await refused(404, 'FunctionNotFound', () => sdk.getFunction(FUNCTION));
  });
  await story.operationBy('createService', 'delete a service', async () => {
    await sdk.deleteService(SERVICE);
    await refused(404, 'ServiceNotFound', () => sdk.getService(SERVICE));
  });
}

module.exports = { make, limits, remove };
