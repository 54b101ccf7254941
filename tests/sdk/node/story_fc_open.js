// @alicloud/fc-open20210406, which speaks 2021-04-06.
'use strict';

const assert = require('node:assert');
const models = require('@alicloud/fc-open20210406');
const { Config } = require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');
const { ENDPOINT, FUNCTION, KEY, SERVICE, has, translated } = require('./story');
const walk = require('./walk');

const Client = models.default;

class Sdk {
  NAME = '@alicloud/fc-open20210406';
  RUNTIME = 'custom';
  ID = 'invocationId';
  PAYLOAD = 'invocationPayload';
  ERROR = 'invocationErrorMessage';
  STATEFUL = 'statefulInvocation';
  NOT_FOUND = 'StatefulAsyncInvocationNotFound';
  EXISTS = 'StatefulAsyncInvocationAlreadyExists';
  LACKS = {
    listAllConfigs: 'an operation of FC 3.0',
    putConcurrency: 'an operation of FC 3.0',
    disable: 'an operation of FC 3.0',
  };

  constructor([accessKeyId, accessKeySecret] = KEY) {
    const { protocol, host } = new URL(ENDPOINT);
    const config = new Config({
      accessKeyId, accessKeySecret, endpoint: host, protocol: protocol.slice(0, -1),
      regionId: 'here',
    });
    this.client = translated(new Client(config), read);
  }

  asOther(...key) {
    return new Sdk(key);
  }

  async createService(serviceName, description) {
    const request = new models.CreateServiceRequest({ serviceName, description });
    return plain(await this.client.createService(request));
  }

  async getService(name) {
    return plain(await this.client.getService(name, new models.GetServiceRequest({})));
  }

  async listServices(prefix) {
    const request = new models.ListServicesRequest({ prefix });
    return plain(await this.client.listServices(request)).services;
  }

  async updateService(name, description) {
    const request = new models.UpdateServiceRequest({ description });
    return plain(await this.client.updateService(name, request));
  }

  async deleteService(name) {
    await this.client.deleteService(name);
  }

  async createFunction(functionName, environmentVariables, timeout) {
    const request = new models.CreateFunctionRequest({
      functionName, runtime: this.RUNTIME, handler: 'index.handler', timeout,
      code: new models.Code({ zipFile: Buffer.from('a zip file').toString('base64') }),
      customRuntimeConfig: new models.CustomRuntimeConfig({ command: ['./run'], args: ['x'] }),
      environmentVariables, instanceConcurrency: 3,
    });
    return plain(await this.client.createFunction(SERVICE, request));
  }

  async getFunction(name, qualifier) {
    const request = new models.GetFunctionRequest({ qualifier });
    return plain(await this.client.getFunction(SERVICE, name, request));
  }

  async getCode(name) {
    const request = new models.GetFunctionCodeRequest({});
    return plain(await this.client.getFunctionCode(SERVICE, name, request));
  }

  async listFunctions(prefix) {
    const request = new models.ListFunctionsRequest({ prefix });
    return plain(await this.client.listFunctions(SERVICE, request)).functions;
  }

  async updateFunction(name, environmentVariables, timeout) {
    // On the wire this model, and no other, names the concurrency with a capital.
    const fields = { environmentVariables, timeout, instanceConcurrency: 4 };
    const request = new models.UpdateFunctionRequest(fields);
    const updated = plain(await this.client.updateFunction(SERVICE, name, request));
    has(updated, { instanceConcurrency: 4 });
    return updated;
  }

  async tag(name) {
    const request = new models.GetFunctionRequest({});
    return (await this.client.getFunction(SERVICE, name, request)).headers.etag;
  }

  async updateIf(ifMatch, name, description) {
    const request = new models.UpdateFunctionRequest({ description });
    const headers = new models.UpdateFunctionHeaders({ ifMatch });
    const runtime = new RuntimeOptions({});
    await this.client.updateFunctionWithOptions(SERVICE, name, request, headers, runtime);
  }

  async deleteFunction(name) {
    await this.client.deleteFunction(SERVICE, name);
  }

  async publishVersion(description) {
    const request = new models.PublishServiceVersionRequest({ description });
    return plain(await this.client.publishServiceVersion(SERVICE, request));
  }

  async listVersions() {
    const request = new models.ListServiceVersionsRequest({});
    return plain(await this.client.listServiceVersions(SERVICE, request)).versions;
  }

  async deleteVersion(version) {
    await this.client.deleteServiceVersion(SERVICE, version);
  }

  async createAlias(aliasName, versionId, additionalVersionWeight) {
    const fields = { aliasName, versionId, additionalVersionWeight };
    const request = new models.CreateAliasRequest(fields);
    return plain(await this.client.createAlias(SERVICE, request));
  }

  async getAlias(name) {
    return plain(await this.client.getAlias(SERVICE, name));
  }

  async updateAlias(name, versionId, additionalVersionWeight) {
    const request = new models.UpdateAliasRequest({ versionId, additionalVersionWeight });
    return plain(await this.client.updateAlias(SERVICE, name, request));
  }

  async listAliases() {
    const request = new models.ListAliasesRequest({});
    return plain(await this.client.listAliases(SERVICE, request)).aliases;
  }

  async deleteAlias(name) {
    await this.client.deleteAlias(SERVICE, name);
  }

  async putConfig(qualifier, fields) {
    const request = new models.PutFunctionAsyncInvokeConfigRequest({ qualifier, ...fields });
    return plain(await this.client.putFunctionAsyncInvokeConfig(SERVICE, FUNCTION, request));
  }

  async getConfig(qualifier) {
    const request = new models.GetFunctionAsyncInvokeConfigRequest({ qualifier });
    return plain(await this.client.getFunctionAsyncInvokeConfig(SERVICE, FUNCTION, request));
  }

  async listConfigs() {
    const request = new models.ListFunctionAsyncInvokeConfigsRequest({});
    const list = await this.client.listFunctionAsyncInvokeConfigs(SERVICE, FUNCTION, request);
    return plain(list).configs;
  }

  async deleteConfig(qualifier) {
    const request = new models.DeleteFunctionAsyncInvokeConfigRequest({ qualifier });
    await this.client.deleteFunctionAsyncInvokeConfig(SERVICE, FUNCTION, request);
  }

  async send(payload, headers, qualifier, name = FUNCTION) {
    const request = new models.InvokeFunctionRequest({ body: Buffer.from(payload), qualifier });
    const asked = new models.InvokeFunctionHeaders(headers);
    const runtime = new RuntimeOptions({});
    return this.client.invokeFunctionWithOptions(SERVICE, name, request, asked, runtime);
  }

  async call(payload, qualifier) {
    return (await this.send(payload, {}, qualifier)).body.toString();
  }

  async callThatFails(payload) {
    const answer = await this.send(payload, {});
    assert.strictEqual(answer.statusCode, 200);
    assert.ok(answer.headers['x-fc-error-type'], JSON.stringify(answer.headers));
    return JSON.parse(answer.body.toString());
  }

  async logOf(payload) {
    return (await this.send(payload, { xFcLogType: 'Tail' })).headers['x-fc-log-result'];
  }

  async invoke(payload, { id, delay, qualifier, name } = {}) {
    const headers = {
      xFcInvocationType: 'Async', xFcStatefulAsyncInvocationId: id,
      commonHeaders: delay && { 'x-fc-async-delay': String(delay) },
    };
    const answer = await this.send(payload, headers, qualifier, name);
    assert.strictEqual(answer.statusCode, 202);
    assert.strictEqual(answer.body.length, 0);
    return answer.headers['x-fc-request-id'];
  }

  async get(id, qualifier) {
    const request = new models.GetStatefulAsyncInvocationRequest({ qualifier });
    return plain(await this.client.getStatefulAsyncInvocation(SERVICE, FUNCTION, id, request));
  }

  async stop(id) {
    const request = new models.StopStatefulAsyncInvocationRequest({});
    await this.client.stopStatefulAsyncInvocation(SERVICE, FUNCTION, id, request);
  }

  async list({ prefix, token, order, payload, begin, end, ...same }) {
    const request = new models.ListStatefulAsyncInvocationsRequest({
      invocationIdPrefix: prefix, nextToken: token, sortOrderByTime: order,
      includePayload: payload, startedTimeBegin: begin, startedTimeEnd: end, ...same,
    });
    const found = plain(
      await this.client.listStatefulAsyncInvocations(SERVICE, FUNCTION, request),
    );
    return { records: found.invocations, token: found.nextToken };
  }

  async functionsWithTasks() {
    const request = new models.ListStatefulAsyncInvocationFunctionsRequest({ limit: 10 });
    return plain(await this.client.listStatefulAsyncInvocationFunctions(request)).data;
  }

  checkNames(record) {
    has(record, { serviceName: SERVICE, functionName: FUNCTION });
  }
}

// What the SDK's model read from the answer.
function plain(answer) {
  assert.ok(answer.headers['x-fc-request-id'], JSON.stringify(answer.headers));
  return answer.body.toMap();
}

function read({ statusCode, code, data }) {
  return statusCode && [statusCode, code, data.requestId ?? data.RequestId];
}

walk(new Sdk());
