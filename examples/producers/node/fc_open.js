// A producer with @alicloud/fc-open20210406: `node fc_open.js SERVICE FUNCTION PAYLOAD` runs a task to
// its end.
//
// EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
// without access keys takes any.
'use strict';

const { randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');
const models = require('@alicloud/fc-open20210406');
const { Config } = require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');

const { env } = process;
const [protocol, endpoint] = (env.EKIDEN_ENDPOINT ?? 'http://127.0.0.1:7070').split('://');
const client = new models.default(new Config({
  accessKeyId: env.EKIDEN_ACCESS_KEY_ID ?? 'anyone',
  accessKeySecret: env.EKIDEN_ACCESS_KEY_SECRET ?? 'anything',
  endpoint, protocol, regionId: 'here',
}));

async function main([service, name, payload]) {
  const id = `job-${randomUUID()}`;
  const request = new models.InvokeFunctionRequest({ body: Buffer.from(payload) });
  const headers = new models.InvokeFunctionHeaders({
    xFcInvocationType: 'Async', xFcStatefulAsyncInvocationId: id,
  });
  await client.invokeFunctionWithOptions(service, name, request, headers, new RuntimeOptions({}));
  const asked = new models.GetStatefulAsyncInvocationRequest({});
  const get = async () => (await client.getStatefulAsyncInvocation(service, name, id, asked)).body;
  let record;
  while ((record = await get()).endTime === 0) await pause(200);
  console.log(JSON.stringify(record.toMap(), null, 2));
}

main(process.argv.slice(2));
