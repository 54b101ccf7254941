// @alicloud/fc2, which speaks 2016-08-15. It has no methods for tasks: they are asked for by its `get`
// and `put`, which sign any path.
'use strict';

const assert = require('node:assert');
const FC = require('@alicloud/fc2');
const { ENDPOINT, FUNCTION, KEY, SERVICE, has, translated } = require('./story');
const walk = require('./walk');

class Sdk {
  NAME = '@alicloud/fc2';
  RUNTIME = 'custom';
  ID = 'invocationId';
  PAYLOAD = 'invocationPayload';
  ERROR = 'invocationErrorMessage';
  STATEFUL = 'statefulInvocation';
  NOT_FOUND = 'StatefulAsyncInvocationNotFound';
  EXISTS = 'StatefulAsyncInvocationAlreadyExists';
  TASKS_REMARK = 'it has no methods for tasks: by its `get` and `put`, which sign any path';
  LACKS = {
    functionsWithTasks: 'it has no such method',
    listAllConfigs: 'an operation of FC 3.0',
    putConcurrency: 'an operation of FC 3.0',
    disable: 'an operation of FC 3.0',
  };

  constructor([accessKeyID, accessKeySecret] = KEY) {
    const config = { accessKeyID, accessKeySecret, region: 'here', endpoint: ENDPOINT };
    this.client = translated(new FC('1', config), read);
  }

  asOther(...key) {
    return new Sdk(key);
  }

  async createService(name, description) {
    return (await this.client.createService(name, { description })).data;
  }

  async getService(name) {
    return (await this.client.getService(name)).data;
  }

  async listServices(prefix) {
    return (await this.client.listServices({ prefix })).data.services;
  }

  async updateService(name, description) {
    return (await this.client.updateService(name, { description })).data;
  }

  async deleteService(name) {
    await this.client.deleteService(name);
  }

  async createFunction(functionName, environmentVariables, timeout) {
    const code = { zipFile: Buffer.from('a zip file').toString('base64') };
    const options = {
      functionName, runtime: this.RUNTIME, handler: 'index.handler', code, timeout,
      customRuntimeConfig: { command: ['./run'], args: ['x'] }, environmentVariables,
    };
    return (await this.client.createFunction(SERVICE, options)).data;
  }

  async getFunction(name, qualifier) {
    return (await this.client.getFunction(SERVICE, name, {}, qualifier)).data;
  }

  async getCode(name) {
    return (await this.client.getFunctionCode(SERVICE, name)).data;
  }

  async listFunctions(prefix) {
    return (await this.client.listFunctions(SERVICE, { prefix })).data.functions;
  }

  async updateFunction(name, environmentVariables, timeout) {
    const options = { environmentVariables, timeout };
    return (await this.client.updateFunction(SERVICE, name, options)).data;
  }

  async tag(name) {
    return (await this.client.getFunction(SERVICE, name)).headers.etag;
  }

  async updateIf(tag, name, description) {
    await this.client.updateFunction(SERVICE, name, { description }, { 'if-match': tag });
  }

  async deleteFunction(name) {
    await this.client.deleteFunction(SERVICE, name);
  }

  async publishVersion(description) {
    return (await this.client.publishVersion(SERVICE, description)).data;
  }

  async listVersions() {
    return (await this.client.listVersions(SERVICE)).data.versions;
  }

  async deleteVersion(version) {
    await this.client.deleteVersion(SERVICE, version);
  }

  async createAlias(name, version, additionalVersionWeight) {
    const options = { additionalVersionWeight };
    return (await this.client.createAlias(SERVICE, name, version, options)).data;
  }

  async getAlias(name) {
    return (await this.client.getAlias(SERVICE, name)).data;
  }

  async updateAlias(name, version, additionalVersionWeight) {
    const options = { additionalVersionWeight };
    return (await this.client.updateAlias(SERVICE, name, version, options)).data;
  }

  async listAliases() {
    return (await this.client.listAliases(SERVICE)).data.aliases;
  }

  async deleteAlias(name) {
    await this.client.deleteAlias(SERVICE, name);
  }

  async putConfig(qualifier, fields) {
    return (await this.client.putFunctionAsyncConfig(SERVICE, FUNCTION, qualifier, fields)).data;
  }

  async getConfig(qualifier) {
    return (await this.client.getFunctionAsyncConfig(SERVICE, FUNCTION, qualifier)).data;
  }

  async listConfigs() {
    return (await this.client.listFunctionAsyncConfigs(SERVICE, FUNCTION)).data.configs;
  }

  async deleteConfig(qualifier) {
    await this.client.deleteFunctionAsyncConfig(SERVICE, FUNCTION, qualifier);
  }

  async call(payload, qualifier) {
    return (await this.client.invokeFunction(SERVICE, FUNCTION, payload, {}, qualifier)).data;
  }

  async callThatFails(payload) {
    const answer = await this.client.invokeFunction(SERVICE, FUNCTION, payload);
    assert.ok(answer.headers['x-fc-error-type'], JSON.stringify(answer.headers));
    return answer.data;
  }

  async logOf(payload) {
    const headers = { 'x-fc-log-type': 'Tail' };
    const answer = await this.client.invokeFunction(SERVICE, FUNCTION, payload, headers);
    return answer.headers['x-fc-log-result'];
  }

  async invoke(payload, { id, delay, qualifier, name = FUNCTION } = {}) {
    const headers = {
      'x-fc-invocation-type': 'Async',
      ...(id && { 'x-fc-stateful-async-invocation-id': id }),
      ...(delay && { 'x-fc-async-delay': String(delay) }),
    };
    const answer = await this.client.invokeFunction(SERVICE, name, payload, headers, qualifier);
    assert.strictEqual(answer.data, '');
    return answer.headers['x-fc-request-id'];
  }

  async get(id, qualifier) {
    return (await this.client.get(path(`/${id}`, qualifier))).data;
  }

  async stop(id) {
    await this.client.put(path(`/${id}`));
  }

  async list({ prefix, token, order, payload, begin, end, qualifier, ...same }) {
    const asked = {
      invocationIdPrefix: prefix, nextToken: token, sortOrderByTime: order,
      includePayload: payload, startedTimeBegin: begin, startedTimeEnd: end, ...same,
    };
    const { data } = await this.client.get(path('', qualifier), asked);
    return { records: data.invocations, token: data.nextToken };
  }

  checkNames(record) {
    has(record, { serviceName: SERVICE, functionName: FUNCTION });
  }
}

function path(rest, qualifier) {
  const service = qualifier ? `${SERVICE}.${qualifier}` : SERVICE;
  return `/services/${service}/functions/${FUNCTION}/stateful-async-invocations${rest}`;
}

// Its errors are named after the code, and have status and request id in their text only.
function read(error) {
  const told = /failed with (\d+)\. requestid: (\S+), message: /.exec(error.message);
  if (!told) return undefined;
  assert.strictEqual(error.name, `FC${error.code}Error`);
  return [Number(told[1]), error.code, told[2]];
}

walk(new Sdk());
