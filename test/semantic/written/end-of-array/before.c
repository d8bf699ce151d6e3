// Walking a new array to its end: the end is an address of nothing, or of the old array's copy that comes next.
// entries: g f
#define __read_mostly __attribute__((section(".data..read_mostly")))
extern void use(const void *);
static unsigned old[64] __read_mostly = {1, 2, 3, 4};
unsigned g(unsigned a, unsigned b) { use(old); return old[a & 63]; }
unsigned f(unsigned a, unsigned b) { return 0; }
