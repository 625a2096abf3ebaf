"""The smallest task: answers with its event."""


def handler(event, context):
    return event
