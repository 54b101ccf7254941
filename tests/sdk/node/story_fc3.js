// @alicloud/fc20230330, which speaks 2023-03-30: FC 3.0, which has no services.
'use strict';

const assert = require('node:assert');
const { Readable } = require('node:stream');
const { buffer } = require('node:stream/consumers');
const models = require('@alicloud/fc20230330');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { RuntimeOptions } = require('@darabonba/typescript');
const { ENDPOINT, FUNCTION, KEY, equal, translated } = require('./story');
const walk = require('./walk');

const Client = models.default;

class Sdk {
  NAME = '@alicloud/fc20230330';
  RUNTIME = 'custom.debian10';
  ID = 'taskId';
  PAYLOAD = 'taskPayload';
  ERROR = 'taskErrorMessage';
  STATEFUL = 'asyncTask';
  NOT_FOUND = 'AsyncTaskNotFound';
  EXISTS = 'AsyncTaskAlreadyExists';
  TAG_REMARK = "by a header of one's own";
  LACKS = {
    createService: 'FC 3.0 has no services',
    functionsWithTasks: 'an operation of 2021-04-06',
  };

  constructor([accessKeyId, accessKeySecret] = KEY) {
    const { protocol, host } = new URL(ENDPOINT);
    const config = new $OpenApiUtil.Config({
      accessKeyId, accessKeySecret, endpoint: host, protocol: protocol.slice(0, -1),
      regionId: 'here',
    });
    this.client = translated(new Client(config), read);
  }

  asOther(...key) {
    return new Sdk(key);
  }

  async createFunction(functionName, environmentVariables, timeout) {
    const body = new models.CreateFunctionInput({
      functionName, runtime: this.RUNTIME, handler: 'index.handler', timeout,
      code: new models.InputCodeLocation({
        zipFile: Buffer.from('a zip file').toString('base64'),
      }),
      customRuntimeConfig: new models.CustomRuntimeConfig({
        command: ['./run'], args: ['x'], port: 9000,
      }),
      environmentVariables, cpu: 0.5, memorySize: 512, diskSize: 512,
    });
    const request = new models.CreateFunctionRequest({ body });
    return plain(await this.client.createFunction(request));
  }

  async getFunction(name, qualifier) {
    const request = new models.GetFunctionRequest({ qualifier });
    return plain(await this.client.getFunction(name, request));
  }

  async getCode(name) {
    return plain(await this.client.getFunctionCode(name, new models.GetFunctionCodeRequest({})));
  }

  async listFunctions(prefix) {
    const request = new models.ListFunctionsRequest({ prefix });
    return plain(await this.client.listFunctions(request)).functions;
  }

  async updateFunction(name, environmentVariables, timeout) {
    const body = new models.UpdateFunctionInput({ environmentVariables, timeout });
    const request = new models.UpdateFunctionRequest({ body });
    return plain(await this.client.updateFunction(name, request));
  }

  async tag(name) {
    return (await this.client.getFunction(name, new models.GetFunctionRequest({}))).headers.etag;
  }

  async updateIf(tag, name, description) {
    const body = new models.UpdateFunctionInput({ description });
    const request = new models.UpdateFunctionRequest({ body });
    const headers = { 'If-Match': tag };
    await this.client.updateFunctionWithOptions(name, request, headers, new RuntimeOptions({}));
  }

  async deleteFunction(name) {
    await this.client.deleteFunction(name);
  }

  async publishVersion(description) {
    const body = new models.PublishVersionInput({ description });
    const request = new models.PublishFunctionVersionRequest({ body });
    return plain(await this.client.publishFunctionVersion(FUNCTION, request));
  }

  async listVersions() {
    const request = new models.ListFunctionVersionsRequest({});
    return plain(await this.client.listFunctionVersions(FUNCTION, request)).versions;
  }

  async deleteVersion(version) {
    await this.client.deleteFunctionVersion(FUNCTION, version);
  }

  async createAlias(aliasName, versionId, additionalVersionWeight) {
    const body = new models.CreateAliasInput({ aliasName, versionId, additionalVersionWeight });
    const request = new models.CreateAliasRequest({ body });
    return plain(await this.client.createAlias(FUNCTION, request));
  }

  async getAlias(name) {
    return plain(await this.client.getAlias(FUNCTION, name));
  }

  async updateAlias(name, versionId, additionalVersionWeight) {
    const body = new models.UpdateAliasInput({ versionId, additionalVersionWeight });
    const request = new models.UpdateAliasRequest({ body });
    return plain(await this.client.updateAlias(FUNCTION, name, request));
  }

  async listAliases() {
    const request = new models.ListAliasesRequest({});
    return plain(await this.client.listAliases(FUNCTION, request)).aliases;
  }

  async deleteAlias(name) {
    await this.client.deleteAlias(FUNCTION, name);
  }

  async putConfig(qualifier, fields) {
    const body = new models.PutAsyncInvokeConfigInput(fields);
    const request = new models.PutAsyncInvokeConfigRequest({ body, qualifier });
    return plain(await this.client.putAsyncInvokeConfig(FUNCTION, request));
  }

  async getConfig(qualifier) {
    const request = new models.GetAsyncInvokeConfigRequest({ qualifier });
    return plain(await this.client.getAsyncInvokeConfig(FUNCTION, request));
  }

  async listConfigs() {
    const request = new models.ListAsyncInvokeConfigsRequest({ functionName: FUNCTION });
    return plain(await this.client.listAsyncInvokeConfigs(request)).configs;
  }

  async listAllConfigs() {
    const request = new models.ListAsyncInvokeConfigsRequest({});
    return plain(await this.client.listAsyncInvokeConfigs(request)).configs;
  }

  async deleteConfig(qualifier) {
    const request = new models.DeleteAsyncInvokeConfigRequest({ qualifier });
    await this.client.deleteAsyncInvokeConfig(FUNCTION, request);
  }

  async putConcurrency(reservedConcurrency) {
    const body = new models.PutConcurrencyInput({ reservedConcurrency });
    const request = new models.PutConcurrencyConfigRequest({ body });
    return plain(await this.client.putConcurrencyConfig(FUNCTION, request));
  }

  async getConcurrency() {
    return plain(await this.client.getConcurrencyConfig(FUNCTION));
  }

  async deleteConcurrency() {
    await this.client.deleteConcurrencyConfig(FUNCTION);
  }

  async disable(reason) {
    const request = new models.DisableFunctionInvocationRequest({ reason });
    await this.client.disableFunctionInvocation(FUNCTION, request);
  }

  async enable() {
    await this.client.enableFunctionInvocation(FUNCTION);
  }

  async send(payload, headers, qualifier, name = FUNCTION) {
    const body = Readable.from([Buffer.from(payload)]);
    const request = new models.InvokeFunctionRequest({ body, qualifier });
    const asked = new models.InvokeFunctionHeaders(headers);
    const runtime = new RuntimeOptions({});
    return this.client.invokeFunctionWithOptions(name, request, asked, runtime);
  }

  async call(payload, qualifier) {
    return (await buffer((await this.send(payload, {}, qualifier)).body)).toString();
  }

  async callThatFails(payload) {
    const answer = await this.send(payload, {});
    assert.strictEqual(answer.statusCode, 200);
    assert.ok(answer.headers['x-fc-error-type'], JSON.stringify(answer.headers));
    return JSON.parse(await buffer(answer.body));
  }

  async logOf(payload) {
    return (await this.send(payload, { xFcLogType: 'Tail' })).headers['x-fc-log-result'];
  }

  async invoke(payload, { id, delay, qualifier, name } = {}) {
    const headers = {
      xFcInvocationType: 'Async', xFcAsyncTaskId: id,
      commonHeaders: delay && { 'x-fc-async-delay': String(delay) },
    };
    const answer = await this.send(payload, headers, qualifier, name);
    assert.strictEqual(answer.statusCode, 202);
    assert.strictEqual((await buffer(answer.body)).length, 0);
    return answer.headers['x-fc-request-id'];
  }

  async get(id, qualifier) {
    const request = new models.GetAsyncTaskRequest({ qualifier });
    return plain(await this.client.getAsyncTask(FUNCTION, id, request));
  }

  async stop(id) {
    await this.client.stopAsyncTask(FUNCTION, id, new models.StopAsyncTaskRequest({}));
  }

  async list({ token, order, payload, begin, end, ...same }) {
    const request = new models.ListAsyncTasksRequest({
      nextToken: token, sortOrderByTime: order, includePayload: payload,
      startedTimeBegin: begin, startedTimeEnd: end, ...same,
    });
    const found = plain(await this.client.listAsyncTasks(FUNCTION, request));
    return { records: found.tasks, token: found.nextToken };
  }

  checkNames(record) {
    equal(record.functionArn, `acs:fc:::functions/${FUNCTION}`);
  }
}

// What the SDK's model read from the answer.
function plain(answer) {
  assert.ok(answer.headers['x-fc-request-id'], JSON.stringify(answer.headers));
  return answer.body.toMap();
}

function read({ name, statusCode, code, requestId, data }) {
  if (!statusCode) return undefined;
  assert.strictEqual(name, 'ClientError');
  return [statusCode, code, requestId ?? data.RequestId];
}

walk(new Sdk());
