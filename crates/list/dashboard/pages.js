// One page of tasks: of a function, as the API pages it; or of all functions, merged here by the same
// order, as the API lists function by function.

import { list } from "./api.js";

const OF_ONE = 50;
const OF_ALL = 25;
/** More functions than this are not asked at once. */
export const MOST_FUNCTIONS = 25;

/** `{tasks, next}`: `next` leads to the page behind it, and is missing on the last. */
export function page(here, names) {
  const query = {
    status: here.status,
    invocationIdPrefix: here.prefix,
    startedTimeBegin: here.from,
    startedTimeEnd: here.until,
    sortOrderByTime: here.order,
  };
  const token = here.pages.at(-1);
  return here.function ? ofOne(here.function, query, token) : ofAll(names, query, token);
}

async function ofOne(name, query, nextToken) {
  const page = await list(name, { ...query, limit: OF_ONE, nextToken });
  return { tasks: page.invocations, next: page.nextToken };
}

async function ofAll(names, query, token) {
  const isUp = query.sortOrderByTime === "asc";
  const after = token && position(token);
  // The API's range includes its ends: what was shown already is left out below.
  if (after) query = { ...query, [isUp ? "startedTimeBegin" : "startedTimeEnd"]: after.startedTime };
  const compare = (one, other) => (isUp ? order(one, other) : order(other, one));
  const isNew = (record) => !after || compare(after, record) < 0;
  const found = await Promise.all(names.map((name) => following(name, query, isNew)));
  const tasks = found.flat().sort(compare);
  const last = tasks[OF_ALL - 1];
  const next = tasks.length > OF_ALL ? `${last.startedTime}.${last.requestId}` : undefined;
  return { tasks: tasks.slice(0, OF_ALL), next };
}

/** One more than a page holds, if there are as many. */
async function following(name, query, isNew) {
  const found = [];
  let nextToken;
  do {
    const page = await list(name, { ...query, limit: OF_ALL + 10, nextToken });
    found.push(...page.invocations.filter(isNew));
    nextToken = page.nextToken;
  } while (nextToken && found.length <= OF_ALL);
  return found;
}

function position(token) {
  const [startedTime, requestId] = token.split(".");
  return { startedTime: Number(startedTime), requestId };
}

function order(one, other) {
  const difference = one.startedTime - other.startedTime;
  return difference || (one.requestId < other.requestId ? -1 : Number(one.requestId > other.requestId));
}
