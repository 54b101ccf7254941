"""The whole story, in its order."""

import resources
import tasks
from story import Story


def walk(sdk):
    story = Story(sdk)
    resources.make(story)
    tasks.tell(story)
    resources.limits(story)
    resources.delete(story)
