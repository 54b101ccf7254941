// A producer with @alicloud/fc20230330: `node fc3.js FUNCTION PAYLOAD` runs a task of a function of the
// service `default` to its end.
//
// EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
// without access keys takes any.
'use strict';

const { randomUUID } = require('node:crypto');
const { Readable } = require('node:stream');
const { setTimeout: pause } = require('node:timers/promises');
const models = require('@alicloud/fc20230330');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { RuntimeOptions } = require('@darabonba/typescript');

const { env } = process;
const [protocol, endpoint] = (env.EKIDEN_ENDPOINT ?? 'http://127.0.0.1:7070').split('://');
const client = new models.default(new $OpenApiUtil.Config({
  accessKeyId: env.EKIDEN_ACCESS_KEY_ID ?? 'anyone',
  accessKeySecret: env.EKIDEN_ACCESS_KEY_SECRET ?? 'anything',
  endpoint, protocol, regionId: 'here',
}));

async function main([name, payload]) {
  const taskId = `job-${randomUUID()}`;
  const body = Readable.from([Buffer.from(payload)]);
  const request = new models.InvokeFunctionRequest({ body });
  const headers = new models.InvokeFunctionHeaders({
    xFcInvocationType: 'Async', xFcAsyncTaskId: taskId,
  });
  await client.invokeFunctionWithOptions(name, request, headers, new RuntimeOptions({}));
  const asked = new models.GetAsyncTaskRequest({});
  let task;
  while ((task = (await client.getAsyncTask(name, taskId, asked)).body).endTime === 0) {
    await pause(200);
  }
  console.log(JSON.stringify(task.toMap(), null, 2));
}

main(process.argv.slice(2));
