// Walking a string to its end: one behind it another string may begin.
// entries: f
extern void out(unsigned, unsigned long);
unsigned f(unsigned a, unsigned b) { out(1, 'x'); return a; }
