#include "media/refusal.h"

#include "base/mem.h"

#define LINES_MAX 8192 // bytes of headers; what is given is shorter
#define XML_MAX   512

struct row {
    unsigned status;
    const char *code; // what programs look at, S3's
    const char *message;
    const char *headers;
};

#define AGAIN   "Retry-After: 2\r\n"
#define NEW_URL "; ask for a new link."

static const struct row rows[REFUSAL_N] = {
    [REFUSAL_UNSIGNED] =
        {403, "AccessDenied",
         "The request is not signed: use the link that you were given, with its whole query.",
         ""},
    [REFUSAL_KEY] = {403, "AccessDenied", "The link was signed with another access key" NEW_URL,
                     ""},
    [REFUSAL_EXPIRED] = {403, "AccessDenied", "Request has expired", ""},
    [REFUSAL_NOT_YET] = {403, "RequestTimeTooSkewed",
                         "The link is from the future: set the clock of whoever has signed it.",
                         ""},
    [REFUSAL_QUERY] = {400, "AuthorizationQueryParametersError",
                       "The parameters of the signature are not as they must be" NEW_URL, ""},
    [REFUSAL_SIGNATURE] = {403, "SignatureDoesNotMatch",
                           "Something is not as it was signed: use the method, the whole link "
                           "and the headers that you were given, unchanged. (A proxy "
                           "must keep Host, or be a trusted one.)",
                           ""},
    [REFUSAL_UNSIGNED_HEADERS] =
        {403, "AccessDenied",
         "Content-Type and Content-Length must be among the signed headers of a link to put.",
         ""},
    [REFUSAL_SETTLED] = {403, "AccessDenied",
                         "This file can not be put any more: announce a new one.", ""},
    [REFUSAL_NO_BUCKET] = {404, "NoSuchBucket", "There is no such bucket" NEW_URL, ""},
    [REFUSAL_NO_KEY] = {404, "NoSuchKey", "There is no such file, or none any more.", ""},
    [REFUSAL_PUT_ONLY] = {405, "MethodNotAllowed", "Here files are only put.",
                          "Allow: PUT, OPTIONS\r\n"},
    [REFUSAL_GET_ONLY] = {405, "MethodNotAllowed", "Here files are only got.",
                          "Allow: GET, HEAD, OPTIONS\r\n"},
    [REFUSAL_NO_LENGTH] = {411, "MissingContentLength",
                           "Send the file in one piece, with its Content-Length.", ""},
    [REFUSAL_TOO_LARGE] = {413, "EntityTooLarge", "The file is larger than it was announced.",
                           ""},
    [REFUSAL_TOO_SMALL] = {400, "InvalidArgument", "The file is smaller than it was announced.",
                           ""},
    [REFUSAL_TYPE] = {400, "InvalidArgument", "Content-Type is another one than was announced.",
                      ""},
    [REFUSAL_CONTENT] =
        {400, "InvalidRequest",
         "The file does not begin as one of its type does: announce it with the right one.",
         ""},
    [REFUSAL_CHECKSUM] = {400, "InvalidRequest",
                          "x-amz-checksum-sha256 must be the base64 of 32 bytes.", ""},
    [REFUSAL_DIGEST] =
        {400, "BadDigest",
         "The SHA-256 of what came is another one than was announced: send it again.", ""},
    [REFUSAL_OVERRIDE] =
        {400, "InvalidArgument",
         "A response-* parameter is too long, or has characters that no header may have.", ""},
    [REFUSAL_BODY] = {400, "InvalidRequest", "A request for a file has no body.", ""},
    [REFUSAL_RANGE] = {416, "InvalidRange", "The range begins behind the end of the file.", ""},
    [REFUSAL_PUT_ALREADY] = {412, "PreconditionFailed",
                             "This file was put already: go on, it is there.", ""},
    [REFUSAL_NEWER] = {409, "OperationAborted", "A newer request puts the same file.", ""},
    [REFUSAL_SLOW_DOWN] = {503, "SlowDown",
                           "Too many files are on their way: try again a little later.", AGAIN},
    [REFUSAL_UNAVAILABLE] = {503, "ServiceUnavailable", "Try again a little later.", AGAIN},
    [REFUSAL_FULL] = {507, "InsufficientStorage",
                      "The disk is full: try again later, or tell the operator.", ""},
    [REFUSAL_BROKEN] = {500, "InternalError",
                        "The disk has failed: the operator should look at the log.", ""},
};

void refusal_answer(struct http_request *rq, enum refusal why, str headers)
{
    const struct row *row = &rows[why];
    struct buf lines;
    struct buf xml;

    buf_init(&lines, LINES_MAX);
    buf_init(&xml, XML_MAX);
    int r = buf_add(&lines, headers);
    if (r == 0) {
        r = buf_addf(&lines, "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n%s",
                     row->headers);
    }
    if (r == 0) {
        r = buf_addf(&xml,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                     "<Error><Code>%s</Code><Message>%s</Message></Error>",
                     row->code, row->message);
    }
    assert(r == 0);
    log_debug(&rq->log, "media_refused", "code=%s", row->code);
    http_respond(rq, &(struct http_response){
                         .status = row->status,
                         .type = STR("application/xml"),
                         .headers = buf_str(&lines),
                         .body = buf_str(&xml),
                         .is_patient = true, // who sends a file reads only when it is sent
                     });
    buf_fini(&lines);
    buf_fini(&xml);
}
