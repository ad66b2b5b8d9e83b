/* OpenBLAS's side of the matrix products: reads commands of the form
     gemm m=128 n=400 k=784 ta=0 tb=1 seconds=0.05
   and answers each with the seconds of one product, as a line of JSON. The
   declarations are ours, so that the headers need not be installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern char *openblas_get_config(void);
extern void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc);
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float *uniform(size_t n) {
	float *v = aligned_alloc(64, (4 * n + 63) / 64 * 64);
	if (!v)
		exit(1);
	for (size_t i = 0; i < n; i++)
		v[i] = 2.0f * rand() / RAND_MAX - 1;
	return v;
}

int main(void) {
	char line[256];
	while (fgets(line, sizeof line, stdin)) {
		int m, n, k, ta, tb;
		double limit;
		if (strcmp(line, "info\n") == 0) {
			printf("{\"version\": \"%s\"}\n", openblas_get_config());
		} else if (sscanf(line, "gemm m=%d n=%d k=%d ta=%d tb=%d seconds=%lf", &m, &n, &k, &ta, &tb, &limit) == 6) {
			float *a = uniform((size_t)m * k), *b = uniform((size_t)k * n), *c = uniform((size_t)m * n);
			long calls = -2; /* two to warm up */
			double start = 0, end = 0;
			while (calls <= 0 || end - start < limit) {
				if (calls == 0)
					start = now();
				cblas_sgemm(ROW_MAJOR, ta ? TRANSPOSED : PLAIN, tb ? TRANSPOSED : PLAIN, m, n, k, 1, a, ta ? m : k, b,
				            tb ? k : n, 0, c, n);
				calls++;
				end = now();
			}
			printf("{\"seconds\": %.9g}\n", (end - start) / calls);
			free(a), free(b), free(c);
		} else {
			printf("{\"error\": \"unknown command\"}\n");
		}
		fflush(stdout);
	}
	return 0;
}
