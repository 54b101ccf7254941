// What the page asks of Ekiden: the public API, as every client has it.

const KEY = "ekiden.key";
const PATIENCE = 20_000;

/** The access key, `id:secret`; null where there is none. Kept as long as the tab. */
export const key = () => sessionStorage.getItem(KEY);
export const useKey = (id, secret) => sessionStorage.setItem(KEY, `${id}:${secret}`);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** Why something was not answered. `status` is 0 where nobody answered at all. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether it is worth asking again. */
  get isPassing() {
    return this.status === 0 || this.status >= 500 || this.status === 408 || this.status === 429;
  }

  /** Whether another access key is needed. */
  get isOfKey() {
    return this.status === 401 || this.status === 403;
  }
}

async function ask(method, path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
  let response, text;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(path + search, { method, headers, signal, cache: "no-store" });
    text = await response.text();
  } catch {
    throw new Refusal(0, "", "Ekiden does not answer");
  }
  const body = read(text);
  if (response.ok && body !== undefined) return body;
  const message = body?.Message ?? `the answer is ${response.status}, and not from Ekiden`;
  throw new Refusal(response.ok ? 0 : response.status, body?.Code ?? "", message);
}

/** The JSON; undefined where it is none, as of a proxy that answers for Ekiden. */
function read(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function path(name) {
  const [service, ...rest] = name.split("/").map(encodeURIComponent);
  return `/services/${service}/functions/${rest.join("%2F")}`;
}

const listed = (name) => `${path(name)}/stateful-async-invocations`;
const native = (name, id) => `/ekiden/v1${path(name)}/invocations/${encodeURIComponent(id)}`;

/** `service/function` of a record or a count. */
export const nameOf = ({ serviceName, functionName }) => `${serviceName}/${functionName}`;

export const list = (name, query) => ask("GET", listed(name), query);
export const counts = () => ask("GET", "/ekiden/v1/counts");
export const stop = (name, id) => ask("PUT", `${listed(name)}/${encodeURIComponent(id)}`);
export const rerun = (name, id) => ask("POST", `${native(name, id)}/rerun`);
export const resend = (name, id, number) => ask("POST", `${native(name, id)}/deliveries/${number}/resend`);

/** The names of the functions that have tasks, up to `most`. */
export async function functions(most) {
  const names = new Set();
  let nextToken;
  do {
    const page = await ask("GET", "/stateful-async-invocation-functions", { limit: 100, nextToken });
    for (const entry of page.data) names.add(nameOf(entry));
    nextToken = page.nextToken;
  } while (nextToken && names.size < most);
  return [...names];
}

/** One task with its attempts and deliveries; or, of a process that only lists, as the list has it. */
export async function task(name, id) {
  try {
    return await ask("GET", native(name, id));
  } catch (refusal) {
    if (refusal.code !== "PathNotSupported") throw refusal;
  }
  const query = { invocationIdPrefix: id, includePayload: true, limit: 100 };
  const { invocations } = await list(name, query);
  const found = invocations.find((record) => record.invocationId === id);
  if (!found) throw new Refusal(404, "", `task '${id}' of function '${name}' is not in the list`);
  return found;
}
