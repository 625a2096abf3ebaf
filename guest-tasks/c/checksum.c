// A task in C: the CRC-32 of an object.
//
// Event: a JSON string, the object's key. Environment: BUCKET, its bucket, of which the function needs a grant to
// read. Answer: {"bytes": N, "crc32": "0af73c42"}, the checksum of IEEE 802.3 in hexadecimal digits.
//
// Texts are not freed: a fresh instance has its memory for one invocation.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task.h"

// The object is read in parts of so many bytes, so that it need not fit into the memory.
#define PART_BYTES (256 * 1024)

typedef exports_stepwell_task_handler_failure_t failure_t;
typedef stepwell_task_buckets_byte_range_t range_t;
typedef stepwell_task_buckets_object_t object_t;
typedef stepwell_task_buckets_error_t error_t;

// Answers with a failure, on which Retry and Catch match by its name.
static bool fail(failure_t *failure, const char *error, const char *cause) {
  task_string_dup(&failure->error, error);
  task_string_dup(&failure->cause, cause);
  return false;
}

// As the packages for other languages call it.
static const char *error_name(const error_t *error) {
  switch (error->tag) {
  case STEPWELL_TASK_BUCKETS_ERROR_ACCESS_DENIED:
    return "Buckets.AccessDenied";
  case STEPWELL_TASK_BUCKETS_ERROR_NO_SUCH_KEY:
    return "Buckets.NoSuchKey";
  default:
    return "Buckets.Storage";
  }
}

// The characters between the quotes. Escapes are left to whoever links a JSON library.
static bool json_string(const task_string_t *event, task_string_t *text) {
  if (event->len < 2 || event->ptr[0] != '"' || event->ptr[event->len - 1] != '"') {
    return false;
  }
  *text = (task_string_t){event->ptr + 1, event->len - 2};
  return memchr(text->ptr, '\\', text->len) == NULL;
}

static uint32_t crc32(uint32_t crc, const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) {
      crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1));
    }
  }
  return crc;
}

bool exports_stepwell_task_handler_handle(task_string_t *event, task_string_t *answer, failure_t *failure) {
  const char *name = getenv("BUCKET");
  if (name == NULL) {
    return fail(failure, "Configuration", "the environment variable BUCKET is missing");
  }
  task_string_t bucket, key;
  task_string_set(&bucket, name);
  if (!json_string(event, &key)) {
    return fail(failure, "InvalidEvent", "the event is no JSON string without escapes");
  }
  printf("reading %.*s of %s\n", (int)key.len, (char *)key.ptr, name);

  uint32_t crc = 0xffffffff;
  uint64_t offset = 0, size = 0;
  do {
    range_t range = {.first = offset, .last = {.is_some = true, .val = offset + PART_BYTES - 1}};
    object_t object;
    error_t error;
    if (!stepwell_task_buckets_get(&bucket, &key, &range, &object, &error)) {
      // An empty object has no first byte to begin at.
      if (error.tag == STEPWELL_TASK_BUCKETS_ERROR_INVALID_RANGE && offset == 0) {
        break;
      }
      // Each has a text, and all of them lie in the same place.
      failure->cause = error.val.storage;
      task_string_dup(&failure->error, error_name(&error));
      return false;
    }
    crc = crc32(crc, object.body.ptr, object.body.len);
    offset += object.body.len;
    size = object.info.size;
    stepwell_task_buckets_object_free(&object);
  } while (offset < size);

  char text[64];
  snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 ",\"crc32\":\"%08" PRIx32 "\"}", offset, ~crc);
  task_string_dup(answer, text);
  return true;
}
