/** Runs a fuzz target over every file of a folder: its corpus, as a regression test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        return -1;
    const long size = ftell(f);
    rewind(f);

    // Exactly as large as the input, so that ASan sees a read past its end.
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    const size_t got = data ? fread(data, 1, (size_t)size, f) : 0;
    fclose(f);
    if (!data || got != (size_t)size) {
        free(data);
        return -1;
    }
    LLVMFuzzerTestOneInput(data, got);
    free(data);
    return 0;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **inputs = NULL;
    int n_bad = 0;

    const int n = argc == 2 ? scandir(argv[1], &inputs, is_input, alphasort) : -1;
    if (n < 0) {
        fprintf(stderr, "usage: replay_TARGET FOLDER\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        puts(inputs[i]->d_name); // the last one is the one that crashed
        fflush(stdout);
        if (replay(argv[1], inputs[i]->d_name) < 0) {
            fprintf(stderr, "%s/%s: can't be read\n", argv[1], inputs[i]->d_name);
            n_bad++;
        }
        free(inputs[i]);
    }
    free((void *)inputs);
    return n == 0 || n_bad > 0; // an empty corpus tests nothing
}
