#define __read_mostly __attribute__((section(".data..read_mostly")))
extern void use(const void *);
static unsigned old[64] __read_mostly = {1, 2, 3, 4};
static unsigned fresh[64] __read_mostly = {9, 8, 7, 6};
unsigned g(unsigned a, unsigned b) { use(old); return old[a & 63]; }
unsigned f(unsigned a, unsigned b) { for (int i = 0; i < 64; i++) use(&fresh[i]); return 1; }
