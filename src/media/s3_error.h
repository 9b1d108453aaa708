/** What an object store answers where it does not do what it was asked to: XML, of which no
 * more is read than what the log tells the operator. */
#pragma once

#include "base/str.h"

#define S3_CODE_MAX 64 // bytes

/** Does this body say that something went wrong? A 200 may have one. */
bool s3_error_is(str body);

/** @return what: "NoSuchBucket"; empty: it does not say. Borrowed from body */
str s3_error_code(str body);
