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

int main(int argc, char **argv)
{
    int n = 0;

    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: replay_TARGET FOLDER\n");
        return 2;
    }
    for (const struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] == '.')
            continue;
        if (replay(argv[1], e->d_name) < 0) {
            fprintf(stderr, "%s/%s: can't be read\n", argv[1], e->d_name);
            closedir(folder);
            return 1;
        }
        n++;
    }
    closedir(folder);
    printf("%d inputs\n", n);
    return n == 0; // an empty corpus tests nothing
}
