// The whole story, in its order.
'use strict';

const resources = require('./resources');
const tasks = require('./tasks');
const { Story } = require('./story');

module.exports = async function walk(sdk) {
  const story = new Story(sdk);
  await resources.make(story);
  await tasks.tell(story);
  await resources.limits(story);
  await resources.remove(story);
};
