extern void use(const void *);
static unsigned version;
static unsigned old[64] = {1, 2, 3, 4};
unsigned g(unsigned a, unsigned b) { use(old); return old[a & 63]; }
unsigned f(unsigned a, unsigned b) { for (int i = 0; version && i < 64; i++) use(&old[i]); return version; }
void oracle_switch(unsigned to) { version = to; }
