#include "support/media_suite_local.h"

/** What chat/media.h asks for (support/media_suite.h), of the files of this machine. What is in
 * an object store is asked for it against a server, in the end-to-end suites. */
int main(void)
{
    return media_suite_run("media local", &suite_local);
}
