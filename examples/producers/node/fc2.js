// A producer with @alicloud/fc2: `node fc2.js SERVICE FUNCTION PAYLOAD` runs a task to its end.
//
// EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
// without access keys takes any.
'use strict';

const { randomUUID } = require('node:crypto');
const { setTimeout: pause } = require('node:timers/promises');
const FC = require('@alicloud/fc2');

const { env } = process;
const client = new FC('1', {
  endpoint: env.EKIDEN_ENDPOINT ?? 'http://127.0.0.1:7070',
  accessKeyID: env.EKIDEN_ACCESS_KEY_ID ?? 'anyone',
  accessKeySecret: env.EKIDEN_ACCESS_KEY_SECRET ?? 'anything',
  region: 'here',
});

async function main([service, name, payload]) {
  const id = `job-${randomUUID()}`;
  await client.invokeFunction(service, name, payload, {
    'x-fc-invocation-type': 'Async',
    'x-fc-stateful-async-invocation-id': id,
  });
  // The SDK has no method for tasks, but signs any request.
  const task = `/services/${service}/functions/${name}/stateful-async-invocations/${id}`;
  let record;
  while ((record = (await client.get(task)).data).endTime === 0) await pause(200);
  console.log(JSON.stringify(record, null, 2));
}

main(process.argv.slice(2));
